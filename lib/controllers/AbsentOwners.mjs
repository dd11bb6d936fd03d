import { labels } from "../fission/Labels.mjs";
import { FunctionVersions, Functions } from "../fission/ResourceKind.mjs";
import { Supervisor } from "../namespaces/Supervisor.mjs";
import { Brake } from "../safeguards/Brake.mjs";
import { DecisionLog } from "../safeguards/DecisionLog.mjs";
import { Deletion } from "../safeguards/Deletion.mjs";
import { DryRun } from "../safeguards/DryRun.mjs";
import { Ground } from "../safeguards/Ground.mjs";
import { Clock, Context, Duration, Effect, Layer } from "effect";
// src/controllers/AbsentOwners.ts
/** Time between two looks whether the brake is off, which cost the API nothing. */
const whileStopped = Duration.seconds(2);
/**
* Owners that a view no longer shows, until their absence is proven or refuted (failure-semantics.md section 9.2), and
* the brake lets their objects go. Suspicions live in memory: after a restart the sweep of the views raises them again.
*/
var AbsentOwners = class AbsentOwners extends Context.Service()("fission-executor/controllers/AbsentOwners") {
	static layer = Layer.effect(AbsentOwners, Effect.gen(function* () {
		const clock = yield* Clock.Clock;
		const deletion = yield* Deletion;
		const brake = yield* Brake;
		const dryRun = yield* DryRun;
		const decisions = yield* DecisionLog;
		const supervisor = yield* Supervisor;
		const suspects = /* @__PURE__ */ new Map();
		const loadOf = ({ kind, view }, { owner, suspectedAt }) => {
			const suspected = /* @__PURE__ */ new Set();
			for (const known of suspects.values()) for (const [uid, suspect] of known) if (suspect.owner.namespace === view.namespace) suspected.add(uid);
			const pods = [...view.pods.values()].filter((pod) => !belongsToPool(pod));
			const owners = [
				...view.deployments.values(),
				...view.services.values(),
				...pods
			].map(ownerUids);
			return {
				owner,
				suspectedAt,
				objects: owners.length,
				threatened: owners.filter((uids) => uids.some((uid) => suspected.has(uid))).length,
				own: owners.filter((uids) => uids.includes(owner.uid)).length,
				listedAt: viewOf(view, kind).listedAt()
			};
		};
		/** Removes what the owner left behind, unless the brake is on. */
		const removeProven = Effect.fnUntraced(function* (absence, suspect, ground) {
			const { owner } = suspect;
			const load = loadOf(absence, suspect);
			if (dryRun.isOn) {
				yield* dryRun.wouldDelete({
					...owner,
					ground: ground._tag,
					reason: "what runs for it would be deleted, for it is gone",
					evidence: { objects: load.own }
				});
				return true;
			}
			if (!(yield* brake.admit(load))) return false;
			yield* absence.remove(owner, ground);
			return true;
		});
		/** The brake is on: the list that may take it off is asked for, and the owner looked at later. */
		const waitForProof = Effect.fnUntraced(function* ({ key, kind, view }) {
			const cell = supervisor.cell(view.namespace);
			yield* cell?.relist(kind.plural) ?? Effect.void;
			yield* cell?.enqueueAfter(key, whileStopped) ?? Effect.void;
			return false;
		});
		/** What runs for an owner that may be gone stays, because it is not proven gone. */
		const kept = (owner, reason) => decisions.recordOnce({
			...owner,
			action: "Kept",
			ground: "OwnerAbsent",
			reason
		});
		/** Whether the suspicion is settled. */
		const settleOne = Effect.fnUntraced(function* (absence, suspect) {
			const { kind, key, view } = absence;
			const { evidence, owner } = suspect;
			if (brake.status(view.namespace) !== void 0 && brake.holds(loadOf(absence, suspect))) return yield* waitForProof(absence);
			const presence = yield* deletion.confirmAbsent(kind, owner, evidence).pipe(Effect.tapError(() => kept(owner, "the view lacks it, but a live look failed: unknown is not absent")));
			const cell = supervisor.cell(view.namespace);
			switch (presence._tag) {
				case "Absent": return (yield* removeProven(absence, suspect, Ground.OwnerAbsent({ proof: presence.proof }))) || (yield* waitForProof(absence));
				case "Present":
					yield* kept(owner, "the view lacks it, but it exists; its kind is listed again");
					yield* cell?.relist(kind.plural) ?? Effect.void;
					return true;
				case "Unproven":
					yield* kept(owner, "a live look did not find it; without an event it takes a second one a minute later");
					yield* cell?.enqueueAfter(key, presence.lookAgainAfter) ?? Effect.void;
					return false;
			}
		});
		return AbsentOwners.of({
			suspect: (owner, evidence) => {
				const id = `${owner.kind}/${owner.namespace}/${owner.name}`;
				const known = suspects.get(id) ?? /* @__PURE__ */ new Map();
				const before = known.get(owner.uid);
				if (before?.evidence !== "Event") {
					const suspectedAt = before?.suspectedAt ?? clock.monotonicTimeNanosUnsafe();
					known.set(owner.uid, {
						owner,
						evidence,
						suspectedAt
					});
				}
				suspects.set(id, known);
			},
			suspicionOf: (owner) => {
				const known = suspects.get(`${owner.kind}/${owner.namespace}/${owner.name}`);
				return owner.uid === void 0 ? known?.values().next().value : known?.get(owner.uid);
			},
			settle: Effect.fnUntraced(function* (absence) {
				const id = `${absence.kind.kind}/${absence.view.namespace}/${absence.name}`;
				const known = suspects.get(id);
				for (const [uid, suspect] of known ?? []) if (uid === absence.liveUid || (yield* settleOne(absence, suspect))) known?.delete(uid);
				if (known?.size === 0) suspects.delete(id);
			})
		});
	}));
};
const viewOf = (view, { plural }) => {
	if (plural === FunctionVersions.plural) return view.functionVersions;
	return plural === Functions.plural ? view.functions : view.environments;
};
/**
* UIDs of the Environment and the Function without which an object goes. A Deployment of one function outlives its
* Environment.
*/
const ownerUids = ({ metadata }) => {
	return (metadata.labels?.[labels.executorType] === "poolmgr" ? [labels.environmentUid, labels.functionUid] : [labels.functionUid]).flatMap((label) => metadata.labels?.[label] ?? []);
};
/** A pod that its Deployment takes along: it is not deleted by us. */
const belongsToPool = ({ metadata }) => metadata.labels?.[labels.managed] === "true";
export { AbsentOwners };
