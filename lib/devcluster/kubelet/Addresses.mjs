import { Effect, Random } from "effect";
// src/devcluster/kubelet/Addresses.ts
/**
* Hands out loopback addresses, each once only, so that nobody reaches a new pod by the address of an old one. They are
* chosen at random among the 16 million of 127.0.0.0/8 outside 127.0.0.0/16, because other clusters may run on the same
* machine. Only Linux lets a process listen on them without further ado.
*/
const make = () => {
	const used = /* @__PURE__ */ new Set();
	const next = Effect.gen(function* () {
		const address = `127.${[
			yield* between(1, 254),
			yield* between(0, 255),
			yield* between(1, 254)
		].join(".")}`;
		if (used.has(address)) return yield* next;
		used.add(address);
		return address;
	});
	return next;
};
const between = (least, most) => Random.nextIntBetween(least, most);
export { make };
