import { ports } from "../fission/Labels.mjs";
import { listOf, objectOf } from "./Json.mjs";
import { tokenPath, tokenVolume } from "./TokenMounts.mjs";
// src/podspec/FetcherContainer.ts
/** Volumes that the fetcher shares with the runtime, and where both mount them (function-pod-protocol.md section 2.1). */
const sharedMounts = [
	{
		name: "userfunc",
		mountPath: "/userfunc"
	},
	{
		name: "secrets",
		mountPath: "/secrets"
	},
	{
		name: "configmaps",
		mountPath: "/configs"
	},
	{
		name: "podinfo",
		mountPath: "/etc/podinfo"
	}
];
const downward = (path) => ({
	path,
	fieldRef: {
		apiVersion: "v1",
		fieldPath: `metadata.${path}`
	}
});
/** The token of the pod's service account, as every pod would have it without the switch that keeps it out. */
const fetcherTokenVolume = {
	name: tokenVolume,
	projected: { sources: [
		{ serviceAccountToken: {
			expirationSeconds: 3600,
			path: "token"
		} },
		{ configMap: {
			name: "kube-root-ca.crt",
			items: [{
				key: "ca.crt",
				path: "ca.crt"
			}]
		} },
		{ downwardAPI: { items: [downward("namespace")] } }
	] }
};
/** The volumes behind `sharedMounts`. */
const sharedVolumes = [
	{
		name: "userfunc",
		emptyDir: {}
	},
	{
		name: "secrets",
		emptyDir: {}
	},
	{
		name: "configmaps",
		emptyDir: {}
	},
	{
		name: "podinfo",
		downwardAPI: { items: [downward("name"), downward("namespace")] }
	}
];
/** The argument of the fetcher before the function to load. */
const specializeRequestFlag = "-specialize-request";
/** Keys of the fetcher's channel and of the storage service; all optional, so that a pod starts without auth. */
const secretVariables = (secretName) => {
	const keys = "fission-internal-auth-keys";
	return [
		[
			"FISSION_INTERNAL_AUTH_SECRET",
			secretName,
			"secret"
		],
		[
			"FISSION_INTERNAL_AUTH_SECRET_OLD",
			secretName,
			"oldSecret"
		],
		[
			"FISSION_FETCHER_KEY",
			keys,
			"fetcherKey"
		],
		[
			"FISSION_FETCHER_KEY_OLD",
			keys,
			"fetcherKeyOld"
		],
		[
			"FISSION_STORAGE_KEY",
			keys,
			"storageKey"
		],
		[
			"FISSION_STORAGE_KEY_OLD",
			keys,
			"storageKeyOld"
		]
	].map(([name, secret, key]) => ({
		name,
		valueFrom: { secretKeyRef: {
			name: secret,
			key,
			optional: true
		} }
	}));
};
const probe = (path, settings) => ({
	httpGet: {
		path,
		port: ports.fetcher
	},
	initialDelaySeconds: 1,
	...settings
});
/**
* The fetcher sidecar (function-pod-protocol.md section 2.1), without its token.
*
* @param graceSeconds effective grace of the pod; without one there is no pre-stop sleep
* @param startupRequest the function to load at the start; absent: one is loaded when somebody asks for it
*/
const fetcherContainer = (settings, graceSeconds, startupRequest) => {
	const { fetcher, internalAuth, telemetryVariables } = settings;
	const resources = {
		...Object.keys(fetcher.requests).length === 0 ? {} : { requests: fetcher.requests },
		...Object.keys(fetcher.limits).length === 0 ? {} : { limits: fetcher.limits }
	};
	return {
		name: "fetcher",
		image: fetcher.image,
		command: [
			"/fetcher",
			"-secret-dir",
			"/secrets",
			"-cfgmap-dir",
			"/configs",
			...startupRequest === void 0 ? [] : [
				"-specialize-on-startup",
				specializeRequestFlag,
				JSON.stringify(startupRequest)
			],
			"/userfunc"
		],
		env: [
			...telemetryVariables.map(([name, value]) => ({
				name,
				value
			})),
			...secretVariables(internalAuth.secretName),
			...fetcher.allowInsecureRegistries === "" ? [] : [{
				name: "FETCHER_ALLOW_INSECURE_REGISTRIES",
				value: fetcher.allowInsecureRegistries
			}]
		],
		resources,
		volumeMounts: sharedMounts,
		livenessProbe: probe("/healthz", { periodSeconds: 5 }),
		readinessProbe: probe("/readiness-healthz", {
			periodSeconds: 1,
			failureThreshold: 30
		}),
		...preStopSleep(graceSeconds),
		terminationMessagePath: "/dev/termination-log",
		imagePullPolicy: fetcher.imagePullPolicy
	};
};
/**
* The command of a fetcher without what is in it of the Function's metadata besides its UID. Undefined for a command that
* loads nothing at the start.
*/
const comparableCommand = (command) => {
	const words = Array.isArray(command) ? command : [];
	const index = words.indexOf(specializeRequestFlag);
	if (index < 0) return void 0;
	const request = requestIn(words[index + 1]);
	const load = objectOf(request["LoadReq"]);
	const { uid } = objectOf(load["FunctionMetadata"]);
	return words.with(index + 1, {
		...request,
		LoadReq: {
			...load,
			FunctionMetadata: { uid }
		}
	});
};
const requestIn = (text) => {
	try {
		return objectOf(JSON.parse(String(text)));
	} catch {
		return {};
	}
};
/** Sleeps through the grace before SIGTERM, so that routers learn of the pod's end first; nothing without a grace. */
const preStopSleep = (graceSeconds) => graceSeconds > 0 ? { lifecycle: { preStop: { sleep: { seconds: graceSeconds } } } } : {};
/** The fetcher with its token, which no other container gets (poolmgr.md section 6.6 step 9). */
const withToken = (fetcher) => ({
	...fetcher,
	volumeMounts: [...listOf(fetcher["volumeMounts"]).filter(({ mountPath }) => mountPath !== tokenPath), {
		name: tokenVolume,
		readOnly: true,
		mountPath: tokenPath
	}]
});
export { comparableCommand, fetcherContainer, fetcherTokenVolume, preStopSleep, sharedMounts, sharedVolumes, withToken };
