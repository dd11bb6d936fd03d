import { normalizeAddress } from "../fission/Address.mjs";
import { FissionFunction } from "../fission/Function.mjs";
import { optional } from "../fission/ObjectMeta.mjs";
import { Result, Schema } from "effect";
// src/api/Bodies.ts
const decodeWith = (schema, toValue) => {
	const decode = Schema.decodeUnknownResult(Schema.fromJsonString(schema));
	return (body) => decode(body.bytes.toString("utf8")).pipe(Result.map(toValue), Result.mapError((error) => error.message.slice(0, 300)));
};
/** A Function that caches can tell from others: one without a UID is refused (http-api.md H2). */
const IdentifiedFunction = FissionFunction.check(Schema.makeFilter((fn) => (fn.metadata.uid ?? "") !== "" || "metadata.uid must not be empty"));
const EnsureCapacity = Schema.Struct({
	function: IdentifiedFunction,
	observedReadyEndpoints: optional(Schema.Int),
	observedBusyEndpoints: optional(Schema.Int)
});
/** The router's keys have no JSON names in Go, hence the capitals (http-api.md section 4.3). */
const TapEntry = Schema.Struct({
	FnMetadata: optional(Schema.Struct({
		name: optional(Schema.String),
		namespace: optional(Schema.String),
		uid: optional(Schema.String),
		generation: optional(Schema.Int)
	})),
	FnExecutorType: optional(Schema.String),
	ServiceURL: optional(Schema.String)
});
const toTap = (entry) => ({
	executorType: entry?.FnExecutorType ?? "",
	metadata: {
		...entry?.FnMetadata,
		name: entry?.FnMetadata?.name ?? ""
	},
	address: normalizeAddress(entry?.ServiceURL ?? "")
});
/** Taps as the router posts them. */
const encodeTaps = (taps) => JSON.stringify(taps.map(({ address, executorType, metadata: { generation, name, namespace, uid } }) => ({
	FnMetadata: {
		name,
		namespace,
		uid,
		generation
	},
	FnExecutorType: executorType,
	ServiceURL: address
})));
/** A whole Function, for `getServiceForFunction`. */
const decodeFunction = decodeWith(IdentifiedFunction, (fn) => fn);
/** The body of `ensureCapacity`; the counts are what the router saw, for the log. */
const decodeEnsureCapacity = decodeWith(EnsureCapacity, (body) => body);
/** The body of `tapServices`; `null` is an empty batch, as in Go. */
const decodeTaps = decodeWith(Schema.NullOr(Schema.Array(Schema.NullOr(TapEntry))), (entries) => (entries ?? []).map(toTap));
/** The body of `unTapService`; `null` is an empty entry, as in Go. */
const decodeTap = decodeWith(Schema.NullOr(TapEntry), toTap);
/** Bodies above this many bytes are decoded each time. */
const largestRemembered = 65536;
/** Bodies whose decoded form is remembered have this many bytes together at most. */
const remembered = 8388608;
/**
* Remembers what recent bodies decode to, by their digest, so that a repeated body is parsed once. Refused bodies are
* not remembered. The least recently used goes first.
*/
const remembering = (decode, capacity = remembered) => {
	const known = /* @__PURE__ */ new Map();
	let size = 0;
	const evict = () => {
		for (const [digest, entry] of known) {
			if (size <= capacity) return;
			known.delete(digest);
			size -= entry.size;
		}
	};
	return (body) => {
		const found = known.get(body.digest);
		if (found !== void 0) {
			known.delete(body.digest);
			known.set(body.digest, found);
			return found.value;
		}
		const value = decode(body);
		if (Result.isSuccess(value) && body.bytes.length <= largestRemembered) {
			known.set(body.digest, {
				value,
				size: body.bytes.length
			});
			size += body.bytes.length;
			evict();
		}
		return value;
	};
};
export { decodeEnsureCapacity, decodeFunction, decodeTap, decodeTaps, encodeTaps, remembering };
