import { Context, Layer } from "effect";
// src/devcluster/PodLogs.ts
/** Lines kept of each container. */
const kept = 1e3;
/** What the containers of the embedded cluster wrote: the last 1000 lines of each, in memory. All synchronous. */
var PodLogs = class PodLogs extends Context.Service()("fission-executor/devcluster/PodLogs") {
	static layer = Layer.sync(PodLogs, () => {
		const pods = /* @__PURE__ */ new Map();
		const podKey = ({ namespace, pod }) => `${namespace}/${pod}`;
		return PodLogs.of({
			append: (from, line) => {
				const containers = pods.get(podKey(from)) ?? /* @__PURE__ */ new Map();
				pods.set(podKey(from), containers);
				const lines = containers.get(from.container) ?? [];
				containers.set(from.container, lines);
				lines.push(line);
				if (lines.length > kept) lines.shift();
			},
			read: (of) => pods.get(podKey(of))?.get(of.container),
			forget: (pod) => void pods.delete(podKey(pod))
		});
	});
};
export { PodLogs };
