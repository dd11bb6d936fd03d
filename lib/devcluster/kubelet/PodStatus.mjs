import { hasSucceeded } from "./ContainerState.mjs";
// src/devcluster/kubelet/PodStatus.ts
/** The status of a Pod on its node. A condition keeps its time from `previous` while its status stays. */
const podStatus = (facts, previous, now) => {
	const { address, pod, startTime } = facts;
	const statusesOf = (containers) => containers.map((container) => containerStatus(container, facts.containers.get(container.name)));
	const initContainers = pod.spec.initContainers ?? [];
	const phase = phaseOf(facts);
	return {
		phase,
		conditions: conditionsOf(facts, phase).map((condition) => {
			const held = previous?.conditions.find(({ type }) => type === condition.type);
			return {
				...condition,
				lastTransitionTime: held?.status === condition.status ? held.lastTransitionTime : now
			};
		}),
		hostIP: "127.0.0.1",
		podIP: address,
		podIPs: [{ ip: address }],
		startTime,
		...initContainers.length === 0 ? {} : { initContainerStatuses: statusesOf(initContainers) },
		containerStatuses: statusesOf(pod.spec.containers)
	};
};
const containerStatus = ({ image, name }, known) => ({
	name,
	image: image ?? "",
	imageID: "",
	ready: known?.ready ?? false,
	started: known?.started ?? false,
	restartCount: known?.restartCount ?? 0,
	state: known?.state ?? {},
	lastState: known?.lastTerminated === void 0 ? {} : { terminated: known.lastTerminated }
});
const condition = (type, problem) => problem === void 0 ? {
	type,
	status: "True"
} : {
	type,
	status: "False",
	...problem
};
const conditionsOf = ({ containers, pod }, phase) => {
	const { initContainers, containers: main } = pod.spec;
	const pending = (initContainers ?? []).filter(({ name }) => !hasSucceeded(containers.get(name)));
	const unready = main.filter(({ name }) => containers.get(name)?.ready !== true);
	const names = (some) => `[${some.map(({ name }) => name).join(" ")}]`;
	const uninitialized = pending.length === 0 ? void 0 : {
		reason: "ContainersNotInitialized",
		message: `containers with incomplete status: ${names(pending)}`
	};
	const notReady = unready.length === 0 ? void 0 : {
		reason: "ContainersNotReady",
		message: `containers with unready status: ${names(unready)}`
	};
	const ended = {
		Succeeded: { reason: "PodCompleted" },
		Failed: { reason: "PodFailed" }
	}[phase];
	return [
		condition("PodScheduled"),
		condition("Initialized", uninitialized),
		condition("ContainersReady", ended ?? notReady),
		condition("Ready", ended ?? notReady)
	];
};
const phaseOf = ({ containers, pod }) => {
	const { containers: main, initContainers } = pod.spec;
	const restartPolicy = pod.spec.restartPolicy ?? "Always";
	const statesOf = (some) => some.flatMap(({ name }) => containers.get(name) ?? []);
	const endsOf = (states) => states.flatMap(({ state }) => "terminated" in state ? [state.terminated] : []);
	const hasFailed = ({ exitCode }) => exitCode !== 0;
	if (restartPolicy === "Never" && endsOf(statesOf(initContainers ?? [])).some(hasFailed)) return "Failed";
	const states = statesOf(main);
	const ends = endsOf(states);
	if (ends.length === states.length && states.length > 0 && restartPolicy !== "Always") {
		if (!ends.some(hasFailed)) return "Succeeded";
		if (restartPolicy === "Never") return "Failed";
	}
	return states.every(({ lastTerminated, state }) => !("waiting" in state) || lastTerminated !== void 0) ? "Running" : "Pending";
};
export { podStatus };
