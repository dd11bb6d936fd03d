import { Faults } from "../../devcluster/Faults.mjs";
import { Router } from "../../devcluster/Router.mjs";
import { countsRow, seconds, show, until } from "./Report.mjs";
import { call, keepCalling } from "./Traffic.mjs";
import { Console, Duration, Effect, Fiber } from "effect";
// src/cli/demo/FrozenApi.ts
const frozenFor = Duration.seconds(10);
/**
* No call of the executor is answered for ten seconds, as with a frozen etcd, while every namespace is called: warm
* functions, and one that starts in each. Cold starts that the executor sends away with 503 are repeated by the router.
*/
const freeze = (options) => Effect.gen(function* () {
	const { client, namespaces } = options;
	const { url } = yield* Router;
	const faults = yield* Faults;
	yield* Console.log("\n  no call of the executor is answered any more, in any namespace, for ten seconds\n");
	const id = yield* faults.inject({
		client,
		action: { type: "hang" }
	});
	const { inTime, late, warm } = yield* Effect.scoped(Effect.gen(function* () {
		const counts = yield* Effect.forEach(namespaces, (namespace) => keepCalling(url, namespace, "hello"));
		const starting = yield* Effect.forEach(namespaces, (namespace) => Effect.forkChild(call(url, namespace, "frozen")));
		yield* Effect.sleep(frozenFor);
		const warm = yield* countsRow("warm requests to all namespaces meanwhile", counts);
		const answers = starting.map((fiber) => fiber.pollUnsafe());
		yield* faults.lift(id);
		return {
			warm,
			inTime: answers.filter((exit) => exit?._tag === "Success" && exit.value.status === 200).length,
			late: yield* Effect.forEach(starting, Fiber.join)
		};
	}));
	const served = late.filter(({ status }) => status === 200).length;
	const cold = yield* show({
		step: "cold starts begun meanwhile: served frozen, served thawed, failed",
		seen: `${inTime}, ${served - inTime}, ${late.length - served}`,
		asPromised: late.every(({ status }) => status === 200 || status === 503)
	});
	const isServed = Effect.map(Effect.forEach(namespaces, (namespace) => call(url, namespace, "thawed"), { concurrency: "unbounded" }), (answers) => answers.every(({ status }) => status === 200));
	const took = yield* until(isServed, Duration.seconds(30));
	return [
		warm,
		cold,
		yield* show({
			step: "cold starts in all namespaces afterwards",
			seen: took === void 0 ? "not within 30 s" : `after ${seconds(took)}`,
			asPromised: took !== void 0
		})
	];
});
export { freeze };
