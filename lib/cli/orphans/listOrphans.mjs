import { OrphanReport } from "../../controllers/OrphanReport.mjs";
import { refuseToAct } from "./Target.mjs";
import { Console, Effect, Schema } from "effect";
// src/cli/orphans/listOrphans.ts
const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(OrphanReport));
/** The page of a running executor; anything else that answers there is told. */
const pageAt = Effect.fnUntraced(function* (url) {
	const { body, status } = yield* Effect.tryPromise({
		try: async (signal) => {
			const response = await fetch(url, { signal });
			return {
				status: response.status,
				body: await response.text()
			};
		},
		catch: () => `nobody answers at ${url.origin}; is the executor's metrics port forwarded there?`
	}).pipe(Effect.catch(refuseToAct));
	if (status !== 200) return yield* refuseToAct(`${url.origin} answered ${status}: ${body.trim().slice(0, 300)}`);
	return yield* decode(body).pipe(Effect.catch(() => refuseToAct(`${url.href} is no page of an executor`)));
});
const row = ({ kind, name, namespace, plan, reason }) => [
	namespace,
	kind,
	name,
	reason,
	plan
];
/** Columns, each as wide as its longest cell. */
const table = (rows) => {
	const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
	return rows.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ").trimEnd()).join("\n");
};
/** Prints what the executor takes for orphans, and of which namespaces it cannot say. */
const listOrphans = Effect.fnUntraced(function* (metrics, namespace) {
	if (!URL.canParse("/debug/orphans", metrics)) return yield* refuseToAct(`--metrics: "${metrics}" is no URL`);
	const url = new URL("/debug/orphans", metrics);
	if (namespace !== void 0) url.searchParams.set("namespace", namespace);
	const { more, orphans, unjudged } = yield* pageAt(url);
	const heading = [
		"NAMESPACE",
		"KIND",
		"NAME",
		"WHY",
		"WHAT THE EXECUTOR DOES"
	];
	if (orphans.length > 0) yield* Console.log(table([heading, ...orphans.map(row)]));
	if (orphans.length === 0 && unjudged.length === 0) yield* Console.log("no orphans");
	if (more > 0) yield* Console.log(`and ${more} more`);
	for (const { namespace, reason } of unjudged) yield* Console.log(`namespace ${namespace} cannot be judged: ${reason}`);
});
export { listOrphans };
