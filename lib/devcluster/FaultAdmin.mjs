import { readBody } from "../HttpListener.mjs";
import { sendJson, sendText } from "./Answers.mjs";
import { Fault } from "./Faults.mjs";
import { Effect, Result, Schema } from "effect";
// src/devcluster/FaultAdmin.ts
const bodyLimit = 65536;
const decodeFault = Schema.decodeUnknownResult(Schema.fromJsonString(Fault));
/** Whether a path belongs to the admin endpoint. */
const isFaultPath = (path) => path === "/faults" || path.startsWith("/faults/");
/**
* The admin endpoint of the faults: `GET /faults` lists those in force, `POST /faults` injects one and answers its id,
* `DELETE /faults/<id>` lifts one and `DELETE /faults` all.
*/
const serveFaults = Effect.fnUntraced(function* (faults, request, response, path) {
	const id = path.slice(8);
	switch (request.method) {
		case "GET": {
			const described = (yield* faults.active).map(({ fault, id, met }) => ({
				id,
				met,
				...fault
			}));
			return sendJson(response, 200, described);
		}
		case "POST": {
			const body = yield* Effect.result(readBody(request, bodyLimit));
			if (Result.isFailure(body)) return sendText(response, 413, "the fault is too large\n");
			const fault = decodeFault(body.success.toString("utf8"));
			if (Result.isFailure(fault)) return sendText(response, 400, `this is no fault: ${fault.failure.message}\n`);
			return sendJson(response, 201, { id: yield* faults.inject(fault.success) });
		}
		case "DELETE":
			if (id === "") yield* faults.liftAll;
			else if (!(yield* faults.lift(id))) return sendText(response, 404, `no fault "${id}"\n`);
			return sendJson(response, 200, {});
		default: return sendText(response, 405, "405 method not allowed\n");
	}
});
export { isFaultPath, serveFaults };
