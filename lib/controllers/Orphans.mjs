import { TakenNames } from "../executors/TakenNames.mjs";
import { claimOf, ownerlessReason } from "../fission/ClaimedOwners.mjs";
import { labels } from "../fission/Labels.mjs";
import { isDeleting } from "../fission/Workloads.mjs";
import { isSynced } from "../informers/NamespaceView.mjs";
import { Supervisor } from "../namespaces/Supervisor.mjs";
import { Brake } from "../safeguards/Brake.mjs";
import { DryRun } from "../safeguards/DryRun.mjs";
import { oldestUsableView } from "../safeguards/Ground.mjs";
import { Leadership } from "../safeguards/Leadership.mjs";
import { AbsentOwners } from "./AbsentOwners.mjs";
import { Clock, Context, Duration, Effect, Layer } from "effect";
// src/controllers/Orphans.ts
/** Objects that are listed; the others are counted. */
const capacity = 1e3;
/** Objects that are looked at before others get their turn. */
const stride = 500;
/**
* What belongs to nobody: its owner is in no view, its labels do not say whose it is, or it stands under a name that one of
* our objects should have (lifecycle.md section 6.2). Read from the views and from what is known already; asks the API
* nothing, and deletes nothing.
*/
var Orphans = class Orphans extends Context.Service()("fission-executor/controllers/Orphans") {
	static layer = Layer.effect(Orphans, Effect.gen(function* () {
		const supervisor = yield* Supervisor;
		const absentOwners = yield* AbsentOwners;
		const takenNames = yield* TakenNames;
		const brake = yield* Brake;
		const dryRun = yield* DryRun;
		const leadership = yield* Leadership;
		const planFor = (view, lost, state) => {
			if (lost === void 0) return "left alone: nothing proves whose it is";
			const suspicion = absentOwners.suspicionOf(lost);
			if (lost.kind === "FunctionVersion" && suspicion === void 0) return "left alone: it goes with its Function";
			if (leadership.role() !== "Leader") return "nothing is done by this replica: it does not lead";
			if (dryRun.isOn) return "left alone: a dry run only says what would be deleted";
			const stopped = brake.status(view.namespace);
			if (stopped !== void 0) return `stopped by the ${stopped.reason}`;
			if (state === "AnotherUid") return "deleted once a live look finds the other UID too";
			if (suspicion?.evidence === "Event") return `deleted once a live look finds no ${lost.kind} either`;
			const proof = `deleted once two live looks a minute apart find no ${lost.kind}`;
			return suspicion === void 0 ? `${proof}; the first is within eleven minutes` : proof;
		};
		/** What is wrong with an object of a view, undefined where nothing is. */
		const judge = (view, kind, { metadata }, now) => {
			if (isDeleting(metadata) || goesWithPool(kind, metadata)) return void 0;
			const claim = claimOf(kind, metadata);
			const stateOf = (owner) => stateIn(view, owner);
			const foreign = claim.owners.find(({ namespace }) => namespace !== view.namespace);
			if (foreign !== void 0) {
				const home = supervisor.cell(foreign.namespace)?.view.workloadNamespace;
				if (home === view.workloadNamespace) return void 0;
				const why = home === void 0 ? "which is not served here" : `whose objects are in ${home}`;
				const reason = `its ${foreign.kind} is in namespace ${foreign.namespace}, ${why}`;
				return described(kind, metadata, {
					reason,
					since: void 0,
					now,
					plan: "left alone: it is not ours to judge"
				});
			}
			const reason = ownerlessReason(claim, stateOf);
			if (reason === void 0) return void 0;
			const lost = claim.missing.length > 0 ? void 0 : claim.owners.find((owner) => stateOf(owner) !== "Present");
			const since = lost && absentOwners.suspicionOf(lost)?.suspectedAt;
			const plan = kind === "Pod" && metadata.labels?.[labels.managed] === "true" ? "left alone: it goes with its pool" : planFor(view, lost, lost && stateOf(lost));
			return described(kind, metadata, {
				reason,
				since,
				now,
				plan
			});
		};
		/** Objects without our labels that creations met, unless the owner has what it wanted by now, or is gone itself. */
		const inTheWay = Effect.fnUntraced(function* (view, now) {
			return (yield* takenNames.recent(view.workloadNamespace)).filter(({ owner }) => owner.namespace === view.namespace && stateIn(view, owner) === "Present").filter((name) => !isFree(view, name)).map(({ kind, metadata, owner, since }) => {
				const which = `${owner.kind} ${owner.namespace}/${owner.name}`;
				return described(kind, metadata, {
					reason: `it has the name that the ${kind} of ${which} should have, and is not its own`,
					since,
					now,
					plan: `left alone: ${which} goes without, and its name is tried again every five minutes`,
					flag: ` --${owner.kind.toLowerCase()} ${owner.namespace}/${owner.name}`
				});
			});
		});
		const orphansOf = Effect.fnUntraced(function* (view) {
			const now = yield* Clock.monotonicTimeNanos;
			const found = yield* inTheWay(view, now);
			const known = new Set(found.map(({ uid }) => uid));
			let looked = 0;
			for (const [kind, store] of storesOf(view)) for (const object of store.values()) {
				if (++looked % stride === 0) yield* Effect.yieldNow;
				const orphan = judge(view, kind, object, now);
				if (orphan !== void 0 && !known.has(orphan.uid)) found.push(orphan);
			}
			return found;
		});
		return Orphans.of({ report: Effect.fn("Orphans.report")(function* (namespace) {
			const orphans = /* @__PURE__ */ new Map();
			const unjudged = [];
			for (const cell of supervisor.cells) {
				const { view } = cell;
				if (namespace !== void 0 && ![view.namespace, view.workloadNamespace].includes(namespace)) continue;
				const doubt = yield* doubtAbout(cell);
				if (doubt !== void 0) unjudged.push({
					namespace: view.namespace,
					reason: doubt
				});
				else for (const orphan of yield* orphansOf(view)) orphans.set(orphan.uid, orphan);
			}
			const all = [...orphans.values()];
			return {
				orphans: all.slice(0, capacity),
				more: Math.max(0, all.length - capacity),
				unjudged
			};
		}) });
	}));
};
/** The views in which something may be left over. HorizontalPodAutoscalers are in none: they go with their Deployment. */
const storesOf = (view) => [
	["Deployment", view.deployments],
	["Service", view.services],
	["Pod", view.pods]
];
/** Why a namespace's views do not show what belongs to nobody; undefined where they do. Unknown is not absent. */
const doubtAbout = (cell) => Effect.map(cell.view.services.age, (age) => {
	const { reason, state } = cell.health();
	if (!isSynced(cell.view)) return reason === "" ? "it has not been listed yet" : reason;
	if (state !== "Healthy") return reason;
	if (!cell.view.services.isSynced()) return "its Services have not been listed yet";
	return Duration.isGreaterThan(age, oldestUsableView) ? "the view of its Services is too old" : void 0;
});
/** What the view shows under an owner's name. Versions are watched from their first use: before that none is missed. */
const stateIn = (view, { kind, name, uid }) => {
	if (kind === "FunctionVersion") return view.functionVersions.get(view.namespace, name) !== void 0 || !view.functionVersions.isSynced() ? "Present" : "Absent";
	const found = (kind === "Function" ? view.functions : view.environments).get(view.namespace, name);
	if (found === void 0) return "Absent";
	return found.metadata.uid === uid ? "Present" : "AnotherUid";
};
/** Whether the owner has an object of its own where the other one was. */
const isFree = (view, { kind, metadata, owner }) => {
	if (kind === "HorizontalPodAutoscaler") return false;
	if (owner.kind === "Environment") return view.deployments.indexed("environmentUid", owner.uid).length > 0;
	return (kind === "Service" ? view.services : view.deployments).get(metadata.namespace ?? "", metadata.name)?.metadata.labels?.[labels.functionUid] === owner.uid;
};
/** A pod that its ReplicaSet takes along. */
const goesWithPool = (kind, { labels: held, ownerReferences }) => kind === "Pod" && held?.[labels.managed] === "true" && (ownerReferences ?? []).some((owner) => owner.controller === true);
const described = (kind, metadata, about) => {
	const { flag = "", now, plan, reason, since } = about;
	const target = `${metadata.namespace ?? ""} ${kind} ${metadata.name}${flag}`;
	return {
		kind,
		namespace: metadata.namespace ?? "",
		name: metadata.name,
		uid: metadata.uid ?? "",
		reason,
		createdAt: metadata.creationTimestamp ?? null,
		forSeconds: since === void 0 ? null : Math.round(Number((now - since) / 100000000n)) / 10,
		plan,
		remedy: `fission-executor orphans delete ${target}, or orphans adopt where its owner exists`
	};
};
export { Orphans };
