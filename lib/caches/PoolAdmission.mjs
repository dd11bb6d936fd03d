import { FissionError } from "../Errors.mjs";
import { afterAnswer, afterInconclusive, afterStart, answerFor } from "./FailureMemory.mjs";
import { canPark, isFull, keyOf, select, stranded } from "./PoolGroup.mjs";
import { Deferred, Effect, Metric } from "effect";
// src/caches/PoolAdmission.ts
/** Makes the steps over the given index. */
const make = ({ forget, index, now, onSurplusRelease }) => {
	const take = (entry) => {
		entry.active++;
		entry.usedAt = now();
		let held = true;
		const release = () => {
			if (!held) return;
			held = false;
			giveBack(entry);
		};
		return {
			pod: entry.pod,
			release
		};
	};
	const giveBack = (entry) => {
		if (entry.active === 0) return onSurplusRelease(entry.pod);
		entry.active--;
		entry.usedAt = now();
		give(entry.group);
	};
	const give = (group) => {
		for (const waiter of group.queue) {
			const entry = select(group);
			if (entry === void 0) return;
			const slot = take(entry);
			dismiss(group, waiter, Effect.succeed({
				_tag: "Hit",
				slot
			}), slot.release);
		}
	};
	const store = (group, pod, retain) => {
		group.retain = retain;
		group.failure = void 0;
		const known = group.pods.get(pod.uid);
		if (known !== void 0) return known;
		const others = /* @__PURE__ */ new Set([...index.byUid(pod.uid), ...index.byAddress(pod.address)]);
		const entry = index.insert(group, pod);
		for (const other of others) if (!areOneSharedPod(other.pod, pod)) forget(other);
		return entry;
	};
	const start = (group, demand) => {
		let settled = false;
		const settle = () => {
			if (settled) return false;
			settled = true;
			group.pending--;
			return true;
		};
		const reservation = {
			fulfil: (pod) => {
				if (!settle()) return {
					pod,
					release: () => {}
				};
				const slot = take(store(group, pod, demand.retainPods));
				serve(group);
				return slot;
			},
			abandon: (answer) => {
				if (!settle()) return;
				group.failure = answer === void 0 ? afterInconclusive(group.failure, reservation) : afterAnswer(group.failure, reservation, answer, demand.inputs, now());
				serve(group);
				index.collect(group);
			}
		};
		group.pending++;
		group.failure = afterStart(group.failure, demand.inputs, reservation);
		return reservation;
	};
	/**
	* What a settled reservation means to the parked requests: they get the free places, and if some are left without a
	* pod to wait for, the oldest one creates it or they are refused (C9).
	*/
	const serve = (group) => {
		give(group);
		const stranded$1 = stranded(group);
		const [oldest] = group.queue;
		if (stranded$1 === 0 || oldest === void 0) return;
		const refusal = refusalOf(group, oldest.demand);
		if (refusal === void 0) {
			const reservation = start(group, oldest.demand);
			return dismiss(group, oldest, Effect.succeed({
				_tag: "Miss",
				reservation
			}), () => reservation.abandon());
		}
		for (const waiter of [...group.queue].slice(-stranded$1)) dismiss(group, waiter, refusal, () => {});
	};
	/** Answers a parked request. It resumes one turn later, so that no foreign code runs within a step. */
	const dismiss = (group, waiter, answer, giveBack) => {
		group.queue.delete(waiter);
		waiter.giveBack = giveBack;
		Deferred.doneUnsafe(waiter.answer, Effect.andThen(Effect.yieldNow, answer));
	};
	const park = (group, demand) => {
		const waiter = {
			demand,
			answer: Deferred.makeUnsafe(),
			giveBack: () => void group.queue.delete(waiter)
		};
		group.queue.add(waiter);
		return Deferred.await(waiter.answer).pipe(Effect.interruptible, Effect.onInterrupt(() => Effect.sync(() => waiter.giveBack())));
	};
	const full = (group, demand) => isFull(group, demand.concurrency) ? tooMany(group.fn, `function '${keyOf(group)}' concurrency '${demand.concurrency}' limit reached.`) : void 0;
	const failing = (group, demand) => {
		const answer = answerFor(group.failure, demand.inputs, now());
		return answer && Effect.fail(answer);
	};
	/** Why no pod may be prepared for the request; undefined when one may. */
	const refusalOf = (group, demand) => group.deleted ? gone(demand.fn) : full(group, demand) ?? failing(group, demand);
	const groupOf = (demand) => {
		const group = index.obtain(demand.fn);
		group.requestsPerPod = demand.requestsPerPod;
		group.usedAt = now();
		return group;
	};
	/** Uninterruptible but for the wait, so that what was decided reaches the caller or is given back. */
	const admit = (demand) => Effect.uninterruptible(Effect.suspend(() => {
		if (index.isBuried(demand.fn.uid)) return gone(demand.fn);
		const group = groupOf(demand);
		const entry = select(group);
		if (entry !== void 0) return Effect.succeed({
			_tag: "Hit",
			slot: take(entry)
		});
		if (canPark(group)) return park(group, demand);
		return refusalOf(group, demand) ?? Effect.succeed({
			_tag: "Miss",
			reservation: start(group, demand)
		});
	}));
	const reserve = (demand, maxPending) => Effect.suspend(() => {
		if (index.isBuried(demand.fn.uid)) return gone(demand.fn);
		const group = groupOf(demand);
		const refusal = failing(group, demand) ?? refusalOf(group, demand);
		if (refusal !== void 0) return refusal;
		if (maxPending > 0 && group.pending >= maxPending) {
			const inFlight = `already has ${group.pending} specializations in flight (cap ${maxPending}).`;
			return tooMany(group.fn, `function '${keyOf(group)}' ${inFlight}`);
		}
		return Effect.succeed(start(group, demand));
	});
	return {
		admit,
		reserve,
		store,
		give,
		giveBack
	};
};
const areOneSharedPod = (left, right) => left.shared && right.shared && left.uid === right.uid && left.address === right.address;
const rejections = Metric.counter("fission_executor_specializations_rejected_total", {
	description: "Requests refused because a function has as many pods, or pods in preparation, as it may have",
	incremental: true
});
const tooMany = (fn, text) => {
	const counter = Metric.withAttributes(rejections, {
		function_name: fn.name,
		function_namespace: fn.namespace
	});
	const error = new FissionError({
		kind: "TooManyRequests",
		text,
		retryAfterSeconds: 1
	});
	return Effect.andThen(Metric.update(counter, 1), Effect.fail(error));
};
/** The text of http-api.md H9. */
const gone = (fn) => Effect.fail(new FissionError({
	kind: "NotFound",
	text: `function ${fn.namespace}/${fn.name} is gone, not creating service`
}));
export { make };
