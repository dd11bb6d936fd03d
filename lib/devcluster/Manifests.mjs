import { keyOf } from "../fission/ObjectMeta.mjs";
import { KubernetesApi } from "../kubernetes/KubernetesApi.mjs";
import { critical, retry } from "../kubernetes/RetryPolicy.mjs";
import { literalOf } from "./manifests/Archives.mjs";
import { read } from "./manifests/ManifestFiles.mjs";
import { archiveName, functionWith, packageReference, packageWith, wantsBuildStatus } from "./manifests/Packages.mjs";
import { rawKind } from "./RawKind.mjs";
import { Cause, Duration, Effect, Queue, Result, Schedule, Stream } from "effect";
import { watch } from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { stat } from "node:fs/promises";
// src/devcluster/Manifests.ts
/** Saving a file in an editor makes several events; they are one change when they come this close together. */
const together = Duration.millis(200);
/** Wait before a file is tried again that failed for a reason of the moment. */
const tryAgainAfter = Duration.seconds(5);
/**
* Applies a manifest, or every YAML and JSON file of a folder: objects are created, or updated where they differ, by
* writes that keep what the server and others own. Namespaces come first, Packages before Functions; a Function gets the
* version of its Package as `fission spec apply` writes it, so that a changed Package counts as a changed Function. What
* cannot be applied is logged with its file, one line each, and does not hold the others up. Can be repeated at any time;
* deletes nothing.
*/
const apply = Effect.fn("Manifests.apply")(function* (path) {
	const set = yield* withArchives(yield* read(path));
	const versions = /* @__PURE__ */ new Map();
	const outcomes = [];
	const failed = [...set.problems];
	for (const manifest of inOrder(set.manifests)) {
		const { file, kind, object } = manifest;
		const outcome = yield* Effect.result(applyOne(manifest, versions));
		if (Result.isSuccess(outcome)) {
			outcomes.push({
				...outcome.success,
				name: `${kind.kind} ${keyOf(object.metadata)}`
			});
			continue;
		}
		const error = outcome.failure;
		failed.push({
			file,
			problem: error.message,
			mayPassLater: error._tag === "KubernetesTimeoutError"
		});
	}
	for (const { file, problem } of failed) yield* Effect.logWarning("a manifest was not applied").pipe(Effect.annotateLogs({
		file,
		problem
	}));
	const named = (type) => outcomes.filter((outcome) => outcome.type === type).map(({ name }) => name);
	return {
		created: named("created"),
		updated: named("updated"),
		unchanged: named("unchanged"),
		failed
	};
});
/**
* Applies now and after every change below the folder (of the manifest itself, for a file), until interrupted. What
* failed for a reason of the moment is tried again until it succeeds or something changes.
*/
const follow = (path) => changes(path).pipe(Stream.debounce(together), Stream.switchMap(() => Stream.fromEffect(applyUntilDone(path))), Stream.runDrain, Effect.catch((error) => Effect.logWarning("the manifests cannot be watched", error).pipe(Effect.annotateLogs({ path }))), Effect.repeat(Schedule.spaced(tryAgainAfter)), Effect.andThen(Effect.never));
const applyUntilDone = (path) => apply(path).pipe(Effect.tap(({ created, updated }) => created.length + updated.length === 0 ? Effect.void : Effect.logInfo("manifests applied").pipe(Effect.annotateLogs({
	created: created.join(", "),
	updated: updated.join(", ")
}))), Effect.repeat({
	schedule: Schedule.spaced(tryAgainAfter),
	while: ({ failed }) => failed.some(({ mayPassLater }) => mayPassLater)
}), Effect.asVoid);
/** One element at once, when the watch stands, and one for everything that happens below the folder. */
const changes = (path) => Stream.callback((queue) => Effect.acquireRelease(Effect.tryPromise({
	try: async () => {
		const folder = (await stat(path)).isFile() ? dirname(path) : path;
		const watcher = watch(folder, { recursive: true }, () => Queue.offerUnsafe(queue, void 0));
		watcher.on("error", (error) => Queue.failCauseUnsafe(queue, Cause.fail(error)));
		Queue.offerUnsafe(queue, void 0);
		return watcher;
	},
	catch: (cause) => cause instanceof Error ? cause : new Error(String(cause))
}), (watcher) => Effect.sync(() => watcher.close())));
/** Namespaces before what is in them, Packages before the Functions that name their versions. */
const ranks = {
	Namespace: 0,
	Package: 2,
	Function: 3
};
const inOrder = (manifests) => {
	const rank = ({ kind }) => ranks[kind.kind] ?? 1;
	return [...manifests].sort((a, b) => rank(a) - rank(b));
};
/** The set with literals in place of archives; a Package whose archive cannot be had is left out. */
const withArchives = (set) => Effect.gen(function* () {
	const literals = /* @__PURE__ */ new Map();
	const problems = [...set.problems];
	for (const archive of set.archives) {
		const literal = yield* Effect.result(literalOf(archive));
		if (Result.isSuccess(literal)) literals.set(archive.name, literal.success);
		else problems.push(literal.failure);
	}
	const described = new Set(set.archives.map(({ name }) => name));
	const manifests = [];
	for (const manifest of set.manifests) {
		const { file, object } = manifest;
		const name = archiveName(object);
		const literal = literals.get(name ?? "");
		if (name === void 0) manifests.push(manifest);
		else if (literal !== void 0) manifests.push({
			...manifest,
			object: packageWith(object, literal)
		});
		else if (!described.has(name)) problems.push({
			file,
			problem: `there is no archive ${name}`,
			mayPassLater: false
		});
	}
	return {
		archives: set.archives,
		manifests,
		problems
	};
});
const applyOne = Effect.fnUntraced(function* ({ kind, object }, versions) {
	const api = yield* KubernetesApi;
	const reference = {
		name: object.metadata.name,
		namespace: object.metadata.namespace ?? void 0
	};
	switch (kind.kind) {
		case "Function": {
			const version = versions.get(packageReference(object));
			return yield* upsert(kind, reference, (live) => functionWith(object, version, live));
		}
		case "Package": {
			const outcome = yield* upsert(kind, reference, () => object);
			const buildstatus = wantsBuildStatus(object, outcome.object);
			const written = buildstatus === void 0 ? outcome.object : yield* api.patch(rawKind(kind), reference, {
				type: "merge",
				subresource: "status",
				body: { status: { buildstatus } }
			}).pipe(retry(critical));
			versions.set(keyOf(object.metadata), written.metadata.resourceVersion ?? "");
			return outcome;
		}
		default: return yield* upsert(kind, reference, () => object);
	}
});
/**
* Creates the object, or updates the live one. A write whose answer was lost, or that met another's, is decided again
* from a fresh read.
*/
const upsert = (kind, reference, wanted) => Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const raw = rawKind(kind);
	const live = yield* api.get(raw, reference).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.succeed(void 0)));
	const { status: _, ...given } = wanted(live);
	if (live === void 0) return {
		type: "created",
		object: yield* api.create(raw, given)
	};
	const next = merged(live, given);
	if (isDeepStrictEqual(next, live)) return {
		type: "unchanged",
		object: live
	};
	const object = yield* api.update(raw, next);
	return {
		type: object.metadata.resourceVersion === live.metadata.resourceVersion ? "unchanged" : "updated",
		object
	};
}).pipe(Effect.retry({
	times: 5,
	while: ({ _tag }) => _tag === "KubernetesConflict" || _tag === "KubernetesAlreadyExists"
}), retry(critical));
/** The live object with what the manifest says; labels and annotations of others stay. */
const merged = (live, given) => {
	const { annotations, labels } = given.metadata;
	return {
		...live,
		...given,
		metadata: {
			...live.metadata,
			...labels ? { labels: {
				...live.metadata.labels,
				...labels
			} } : {},
			...annotations ? { annotations: {
				...live.metadata.annotations,
				...annotations
			} } : {}
		}
	};
};
export { apply, follow };
