import { make as make$1 } from "./Bulkheads.mjs";
import { classifyAnswer, classifyThrown } from "./Classify.mjs";
import { makeStore } from "./Credentials.mjs";
import { answeredWithin, deadlineOf, handshakeWithin } from "./Deadline.mjs";
import { WriteFence, behind } from "./WriteFence.mjs";
import { Deferred, Duration, Effect } from "effect";
import { Agent, request } from "undici";
// src/kubernetes/Transport.ts
/** Connections per pool. The background pool serves every namespace, at most four calls each at a time. */
const connections = {
	list: 32,
	request: 32,
	background: 32,
	lease: 1
};
/** The API server keeps idle connections for 90 s; undici's own default would reconnect after 4 s. */
const keepAlive = {
	keepAliveTimeout: 55e3,
	keepAliveMaxTimeout: 6e4
};
/**
* Opens no connection yet; fails if the credentials cannot be read. Closing the scope closes every connection. Writes,
* except those of the lease and those that need none, pass the `WriteFence` or fail with `TimeoutError` of kind `NotLeader`.
*/
const make = (source, userAgent) => Effect.gen(function* () {
	const credentials = yield* makeStore(source);
	const bulkheads = yield* make$1;
	const behindFence = behind(yield* WriteFence);
	const pools = /* @__PURE__ */ new Map();
	yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all([...pools.values()].map(({ agent }) => agent.destroy()))));
	const connectionsOf = (pool, current) => {
		const known = pools.get(pool);
		if (known?.tlsVersion === current.tlsVersion) return known;
		const { ca, cert, key, rejectUnauthorized, servername } = current.tls;
		const agent = new Agent({
			allowH2: false,
			pipelining: 1,
			...keepAlive,
			...pool === "watch" ? {} : { connections: connections[pool] },
			headersTimeout: 0,
			bodyTimeout: 0,
			connect: {
				timeout: 5e3,
				keepAliveInitialDelay: 15e3,
				rejectUnauthorized: rejectUnauthorized ?? true,
				...ca === void 0 ? {} : { ca },
				...cert === void 0 ? {} : { cert },
				...key === void 0 ? {} : { key },
				...servername === void 0 ? {} : { servername }
			}
		});
		const made = {
			tlsVersion: current.tlsVersion,
			agent,
			fenced: agent.compose(behindFence)
		};
		pools.set(pool, made);
		if (known !== void 0) known.agent.close();
		return made;
	};
	/** One attempt with the given credentials; resolves when the headers are there. */
	const send = (what, pool, current, signal, bodyTimeout) => {
		const query = Object.entries(what.query).flatMap(([name, value]) => value === void 0 ? [] : [[name, value]]);
		const search = query.length === 0 ? "" : `?${new URLSearchParams(query)}`;
		const { agent, fenced } = connectionsOf(pool, current);
		return request(`${current.server}${what.path}${search}`, {
			method: what.method,
			dispatcher: pool === "lease" || what.withoutLease === true ? agent : fenced,
			signal,
			...bodyTimeout === void 0 ? {} : { bodyTimeout },
			headers: {
				...current.headers,
				accept: what.accept,
				"user-agent": userAgent,
				...what.body === void 0 ? {} : { "content-type": what.contentType ?? "application/json" }
			},
			...what.body === void 0 ? {} : { body: JSON.stringify(what.body) }
		});
	};
	const attempt = (what, pool, current, answered) => Effect.tryPromise({
		try: async (signal) => {
			const response = await send(what, pool, current, signal);
			Deferred.doneUnsafe(answered, Effect.void);
			return {
				status: response.statusCode,
				headers: response.headers,
				body: await response.body.text()
			};
		},
		catch: (thrown) => classifyThrown(what.call, thrown)
	});
	const exchange = Effect.fnUntraced(function* (what, pool, answered) {
		const current = yield* credentials.current;
		const first = yield* attempt(what, pool, current, answered);
		const answer = first.status === 401 ? yield* Effect.flatMap(credentials.refreshed(current), (fresh) => attempt(what, pool, fresh, answered)) : first;
		if (answer.status < 200 || answer.status > 299) return yield* Effect.fail(classifyAnswer(what.call, answer));
		return yield* Effect.try({
			try: () => ({
				json: JSON.parse(answer.body),
				bytes: Buffer.byteLength(answer.body)
			}),
			catch: (thrown) => classifyThrown(what.call, thrown)
		});
	});
	const call = Effect.fnUntraced(function* (what, options) {
		const answered = yield* Deferred.make();
		const deadline = deadlineOf(what.call, options);
		const seconds = Math.max(1, Math.ceil(Duration.toSeconds(deadline)));
		const timed = {
			...what,
			query: {
				...what.query,
				timeout: `${seconds}s`
			}
		};
		const isList = what.call.verb === "list";
		const priority = options?.priority ?? "background";
		const sent = exchange(timed, isList ? "list" : priority, answered);
		const namespace = what.call.namespace ?? "";
		const bounded = isList ? bulkheads.list(namespace, Deferred.await(answered), sent) : bulkheads.call(namespace, priority, sent);
		return yield* answeredWithin(what.call, deadline)(bounded);
	});
	const read = (call, response) => Effect.tryPromise({
		try: () => response.body.text(),
		catch: (thrown) => classifyThrown(call, thrown)
	});
	/** Fails with what an answer other than a stream says. */
	const refusal = (call, response) => Effect.flatMap(read(call, response), (body) => Effect.fail(classifyAnswer(call, {
		status: response.statusCode,
		headers: response.headers,
		body
	})));
	return {
		call,
		open: Effect.fnUntraced(function* (what, silence) {
			const abort = new AbortController();
			yield* Effect.addFinalizer(() => Effect.sync(() => abort.abort()));
			const handshake = (current) => Effect.tryPromise({
				try: async () => {
					const response = await send(what, "watch", current, abort.signal, Duration.toMillis(silence));
					response.body.on("error", () => {});
					return response;
				},
				catch: (thrown) => classifyThrown(what.call, thrown)
			});
			return { chunks: (yield* Effect.gen(function* () {
				const current = yield* credentials.current;
				const first = yield* handshake(current);
				if (first.statusCode !== 401) return first;
				yield* read(what.call, first);
				return yield* handshake(yield* credentials.refreshed(current));
			}).pipe(Effect.tap((response) => response.statusCode === 200 ? Effect.void : refusal(what.call, response)), bulkheads.watchHandshake, answeredWithin(what.call, handshakeWithin))).body[Symbol.asyncIterator]() };
		})
	};
});
export { make };
