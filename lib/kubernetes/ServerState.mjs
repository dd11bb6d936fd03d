import { Data } from "effect";
// src/kubernetes/ServerState.ts
/** Namespaces that must fail before the server is suspected; all of them where there are fewer. */
const suspiciousNamespaces = 3;
/** How long a read that succeeds says that the namespaces which fail have troubles of their own (milliseconds). */
const clearedFor = 6e4;
const ServerState = Data.taggedEnum();
const Sign = Data.taggedEnum();
/** The server as it is taken to be at the start. */
const answering = ServerState.Answering({ clearedUntil: 0 });
/** The next state. Pure. Asking before believing keeps three broken namespaces from stopping all others. */
const step = (state, sign, now) => {
	switch (state._tag) {
		case "Answering":
			if (sign._tag === "Read" || now < state.clearedUntil || !isSuspicious(sign)) return state;
			return ServerState.Suspected({ since: now });
		case "Suspected":
			if (sign._tag === "Namespaces") return isSuspicious(sign) ? state : answering;
			return sign.answered ? ServerState.Answering({ clearedUntil: now + clearedFor }) : ServerState.Away({ since: state.since });
		case "Away": return sign._tag === "Read" && sign.answered ? answering : state;
	}
};
const isSuspicious = (sign) => sign.failing > 0 && sign.failing >= Math.min(suspiciousNamespaces, sign.of);
export { ServerState, Sign, answering, step };
