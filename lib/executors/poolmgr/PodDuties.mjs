import { keyOf } from "../../fission/ObjectMeta.mjs";
import { Data, Duration } from "effect";
// src/executors/poolmgr/PodDuties.ts
/** The order for a pod that nobody has a request for, now or later. */
const atOnce = {
	idleFor: Duration.zero,
	threshold: Duration.zero,
	grace: Duration.zero
};
const Duty = Data.taggedEnum();
/** Whether the pod counts as one that nobody has recorded yet: it serves, or served before it drained. */
const isUnrecorded = (duty) => duty?._tag === "Serving" || duty?._tag === "Draining" && !duty.isRecorded;
/** No duties. */
const make = () => {
	const byName = /* @__PURE__ */ new Map();
	const uidOf = ({ uid }) => uid ?? "";
	const end = (pod) => {
		const duties = byName.get(keyOf(pod));
		const duty = duties?.get(uidOf(pod));
		duties?.delete(uidOf(pod));
		if (duties?.size === 0) byName.delete(keyOf(pod));
		return duty;
	};
	return {
		of: (pod) => byName.get(keyOf(pod))?.get(uidOf(pod)),
		set: (pod, duty) => {
			const duties = byName.get(keyOf(pod)) ?? /* @__PURE__ */ new Map();
			byName.set(keyOf(pod), duties.set(uidOf(pod), duty));
		},
		end,
		endFormer: (present) => [...byName.get(keyOf(present))?.keys() ?? []].filter((uid) => uid !== uidOf(present)).flatMap((uid) => end({
			...present,
			uid
		}) ?? [])
	};
};
export { Duty, atOnce, isUnrecorded, make };
