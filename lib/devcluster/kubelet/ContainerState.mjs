// src/devcluster/kubelet/ContainerState.ts
/** A container that has not been started yet. */
const creating = {
	state: { waiting: { reason: "ContainerCreating" } },
	started: false,
	ready: false,
	restartCount: 0,
	lastTerminated: void 0
};
/** A container that waits for the init containers before it. */
const initializing = {
	...creating,
	state: { waiting: { reason: "PodInitializing" } }
};
/** Whether a container has ended, and well. */
const hasSucceeded = (known) => known !== void 0 && "terminated" in known.state && known.state.terminated.exitCode === 0;
export { creating, hasSucceeded, initializing };
