import { isUnset, listOf } from "./Json.mjs";
// src/podspec/TokenMounts.ts
/** Where a service account's token is mounted; of a function pod's containers the fetcher alone has one (W37). */
const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The volume with the fetcher's token. */
const tokenVolume = "fission-fetcher-sa-token";
/** The container without mounts of the fetcher's token, or in the place of a token. */
const withoutTokenMounts = (container) => {
	const mounts = listOf(container["volumeMounts"]);
	const dropped = mounts.filter(isOfToken);
	if (dropped.length === 0) return {
		container,
		ignored: []
	};
	return {
		container: {
			...container,
			volumeMounts: mounts.filter((mount) => !isOfToken(mount))
		},
		ignored: dropped.map(({ mountPath }) => `volumeMounts[${String(mountPath)}]`)
	};
};
const isOfToken = ({ mountPath, name }) => name === "fission-fetcher-sa-token" || mountPath === "/var/run/secrets/kubernetes.io/serviceaccount";
/**
* What is taken of a user's `fetcher` container (W37): resources, variables that are none of Fission's, and mounts away
* from the token. The sidecar's image and command are ours.
*/
const fetcherOverlay = (theirs) => {
	const { container, ignored } = withoutTokenMounts(theirs);
	const { env, name, resources, volumeMounts, ...others } = container;
	const variables = listOf(env);
	const isOurs = (variable) => String(variable["name"]).startsWith("FISSION_");
	return {
		container: {
			name,
			resources,
			env: variables.filter((variable) => !isOurs(variable)),
			volumeMounts
		},
		ignored: [
			...Object.keys(others).filter((field) => !isUnset(others[field])),
			...variables.filter(isOurs).map((variable) => `env[${String(variable["name"])}]`),
			...ignored
		]
	};
};
export { fetcherOverlay, tokenPath, tokenVolume, withoutTokenMounts };
