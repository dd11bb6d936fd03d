import { createHmac, createSecretKey, hash, hkdfSync, timingSafeEqual } from "node:crypto";
// src/fission/RequestSignature.ts
/** The two headers that carry a signature. */
const timestampHeader = "x-fission-auth-timestamp";
const signatureHeader = "x-fission-auth-signature";
/** Largest difference between a request's timestamp and our clock, in seconds (http-api.md section 8.3). */
const window = 60;
/**
* The key of a channel (`executor`, `fetcher`, `fetcher:team-a`), derived from the master secret's bytes as they are:
* HKDF-SHA-256 without salt (http-api.md section 8.1).
*/
const channelKey = (masterSecret, channel) => createSecretKey(Buffer.from(hkdfSync("sha256", masterSecret, "", `fission-internal-v1:${channel}`, 32)));
/** A key as it stands in an environment variable: hexadecimal, or raw bytes where it is not. */
const keyFromText = (text) => createSecretKey(/^([0-9a-f]{2})+$/u.test(text) ? Buffer.from(text, "hex") : Buffer.from(text));
/** Lower-case hex of the signature; only the minute of `unixSeconds` counts (http-api.md section 8.2). */
const signature = (key, request, unixSeconds) => signDigest(key, request.method, request.target, digestOf(request.body), unixSeconds);
/** SHA-256 of a body in lower-case hex. */
const digestOf = (body) => hash("sha256", body, "hex");
const signDigest = (key, method, target, digest, unixSeconds) => {
	const minute = unixSeconds - (unixSeconds % window + window) % window;
	return createHmac("sha256", key).update(`${method}\n${target}\n${digest}\n${minute}`).digest("hex");
};
/** The headers of a signed request. Sign every attempt afresh. */
const signedHeaders = (key, request, unixSeconds) => ({
	[timestampHeader]: String(unixSeconds),
	[signatureHeader]: signature(key, request, unixSeconds)
});
/** The part of the verification that needs no body: refuses at once, or gives the timestamp to verify with. */
const verifyTimestamp = (headers, nowSeconds) => {
	const timestamp = headers[timestampHeader];
	const given = headers[signatureHeader];
	if (typeof timestamp !== "string" || timestamp === "" || typeof given !== "string" || given === "") return { refusal: "missing headers" };
	if (!/^[+-]?\d{1,15}$/u.test(timestamp.trim())) return { refusal: "unparseable timestamp" };
	const unixSeconds = Number(timestamp.trim());
	if (Math.abs(nowSeconds - unixSeconds) > window) return { refusal: "stale timestamp" };
	return {
		unixSeconds,
		signature: given
	};
};
/** Whether the signature is right for one of the keys, in constant time for each. */
const verifySignature = (keys, request, unixSeconds, given) => {
	const presented = Buffer.from(given);
	return keys.some((key) => {
		const expected = Buffer.from(signDigest(key, request.method, request.target, request.bodyDigest, unixSeconds));
		return presented.length === expected.length && timingSafeEqual(presented, expected);
	});
};
export { channelKey, digestOf, keyFromText, signature, signatureHeader, signedHeaders, timestampHeader, verifySignature, verifyTimestamp };
