import { channelKey, keyFromText, signedHeaders } from "../../fission/RequestSignature.mjs";
// src/devcluster/pod/fetcherKeys.ts
/** The first variable that is set but blank where that is a mistake, or undefined. */
const blankSecret = (variables) => ["FISSION_INTERNAL_AUTH_SECRET", "FISSION_INTERNAL_AUTH_SECRET_OLD"].find((name) => variables[name]?.trim() === "");
/** The keys that the variables give; a key of its own goes before the one derived from the secret. */
const fetcherKeys = (variables, podNamespace) => {
	const text = (variable) => variables[variable] ?? "";
	const given = (variable) => text(variable) === "" ? void 0 : keyFromText(text(variable));
	const derived = (variable, channel) => text(variable) === "" ? void 0 : channelKey(text(variable), channel);
	const own = given("FISSION_FETCHER_KEY");
	const accepted = own === void 0 ? [derived("FISSION_INTERNAL_AUTH_SECRET", "fetcher"), derived("FISSION_INTERNAL_AUTH_SECRET_OLD", "fetcher")] : [own, given("FISSION_FETCHER_KEY_OLD")];
	const ownStorageKey = given("FISSION_STORAGE_KEY");
	const storageKey = ownStorageKey ?? derived("FISSION_INTERNAL_AUTH_SECRET", "storagesvc");
	const ofNamespace = ownStorageKey === void 0 ? {} : { "x-fission-auth-namespace": podNamespace };
	return {
		masterSecret: variables["FISSION_INTERNAL_AUTH_SECRET"],
		accepted: accepted.filter((key) => key !== void 0),
		signDownload: (url) => {
			if (storageKey === void 0 || !url.pathname.startsWith("/v1/archive")) return {};
			const target = `${url.pathname}${url.search}`;
			return {
				...signedHeaders(storageKey, {
					method: "GET",
					target,
					body: ""
				}, unixSeconds()),
				...ofNamespace
			};
		}
	};
};
/** Wall time in seconds, as signatures carry it. */
const unixSeconds = () => Math.floor(Date.now() / 1e3);
export { blankSecret, fetcherKeys, unixSeconds };
