// src/fission/Address.ts
/** Host and port as a URL writes them: an IPv6 address is put in brackets (http-api.md H1). */
const addressOf = (host, port) => host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
/**
* One form for every way in which an address is written: without `http://`, IPv6 in brackets whether it came with them
* or not (http-api.md H1, section 4.3).
*/
const normalizeAddress = (text) => {
	const address = text.startsWith("http://") ? text.slice(7) : text;
	const separator = address.lastIndexOf(":");
	if (separator < 0) return address;
	return addressOf(address.slice(0, separator), Number(address.slice(separator + 1)));
};
/** The host part of an address, without brackets. */
const hostOf = (address) => address.slice(0, Math.max(0, address.lastIndexOf(":"))).replace(/^\[|\]$/gu, "");
/** The name of a Service that every pod of the cluster resolves; absolute, so that no search domain is tried first. */
const serviceAddress = (name, namespace, clusterDomain) => `${name}.${namespace}.svc.${clusterDomain}.`;
export { addressOf, hostOf, normalizeAddress, serviceAddress };
