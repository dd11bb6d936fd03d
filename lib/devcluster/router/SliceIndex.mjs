import { addressOf } from "../../fission/Address.mjs";
import { labels } from "../../fission/Labels.mjs";
import { ObjectMeta, optional } from "../../fission/ObjectMeta.mjs";
import { EndpointSlices } from "../Kinds.mjs";
import { isSynced, watchKind } from "./Views.mjs";
import { Effect, Schema } from "effect";
// src/devcluster/router/SliceIndex.ts
/** A router that always asks. */
const off = { admit: () => ({ _tag: "Empty" }) };
const FunctionSlice = Schema.Struct({
	metadata: ObjectMeta,
	endpoints: optional(Schema.Array(Schema.Struct({
		addresses: Schema.Array(Schema.String),
		conditions: optional(Schema.Struct({ ready: optional(Schema.Boolean) }))
	}))),
	ports: optional(Schema.Array(Schema.Struct({ port: optional(Schema.Int) })))
});
const FunctionSlices = {
	...EndpointSlices,
	decode: Schema.decodeUnknownResult(FunctionSlice)
};
/** Watches the EndpointSlices of function Services in these namespaces, by the labels that they have of their Services. */
const watch = (namespaces) => Effect.gen(function* () {
	const active = /* @__PURE__ */ new Map();
	const unreachable = /* @__PURE__ */ new Set();
	const reflectors = yield* watchKind(FunctionSlices, namespaces, () => unreachable.clear(), `${labels.managedBy}=fission`);
	/** Of the live function: slices of a published version carry its name. */
	const slicesOf = ({ metadata }) => {
		const namespace = metadata.namespace ?? "";
		return [...reflectors.get(namespace)?.store.values(namespace) ?? []].filter(({ metadata: { labels: held } }) => held?.[labels.functionUid] === metadata.uid && held?.[labels.functionVersion] === void 0);
	};
	const take = (address) => {
		active.set(address, (active.get(address) ?? 0) + 1);
		return {
			_tag: "Admitted",
			address,
			release: () => {
				const left = (active.get(address) ?? 1) - 1;
				if (left > 0) active.set(address, left);
				else active.delete(address);
			},
			forget: () => void unreachable.add(address)
		};
	};
	return { admit: (fn, requestsPerPod) => {
		if (!isSynced(reflectors)) return { _tag: "Unlisted" };
		const ready = slicesOf(fn).flatMap(readyAddresses);
		if (ready.length === 0) return { _tag: "Empty" };
		const free = ready.find((address) => !unreachable.has(address) && (active.get(address) ?? 0) < requestsPerPod);
		return free === void 0 ? {
			_tag: "Busy",
			ready: ready.length
		} : take(free);
	} };
});
const readyAddresses = ({ endpoints, ports }) => {
	const port = ports?.[0]?.port;
	if (port === void 0 || port === null) return [];
	return (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).flatMap(({ addresses }) => addresses.map((address) => addressOf(address, port)));
};
export { off, watch };
