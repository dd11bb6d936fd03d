import { servedKinds, subresourcesOf } from "./ServedKinds.mjs";
import { apiVersionOf } from "./StoredObject.mjs";
// src/devcluster/Discovery.ts
/** Documents that tell clients what is served. Undefined for any other path. */
const discovery = (path) => {
	const groups = [...new Set(servedKinds.map((kind) => kind.group))].filter((group) => group !== "");
	const groupOf = (name) => {
		const version = servedKinds.find((kind) => kind.group === name)?.version ?? "";
		const known = {
			groupVersion: `${name}/${version}`,
			version
		};
		return {
			name,
			versions: [known],
			preferredVersion: known
		};
	};
	const resources = (group) => {
		const kinds = servedKinds.filter((kind) => kind.group === group);
		const version = kinds[0]?.version ?? "";
		return {
			kind: "APIResourceList",
			apiVersion: "v1",
			groupVersion: group === "" ? version : `${group}/${version}`,
			resources: kinds.flatMap((kind) => resourceEntries(kind))
		};
	};
	switch (path) {
		case "/version": return {
			major: "1",
			minor: "36",
			gitVersion: "v1.36.0-embedded",
			platform: "embedded"
		};
		case "/api": return {
			kind: "APIVersions",
			versions: ["v1"],
			serverAddressByClientCIDRs: []
		};
		case "/apis": return {
			kind: "APIGroupList",
			apiVersion: "v1",
			groups: groups.map(groupOf)
		};
		case "/api/v1": return resources("");
	}
	if (path === "/openapi/v3") return openApiIndex;
	const described = groupVersions.find((group) => path === `/openapi/v3/${group.root}`);
	if (described !== void 0) return openApiOf(described);
	const group = groups.find((name) => path === `/apis/${groupOf(name).preferredVersion.groupVersion}`);
	return group === void 0 ? void 0 : resources(group);
};
const resourceEntries = (kind) => {
	const entry = (name, verbs) => ({
		name,
		singularName: name === kind.plural ? kind.kind.toLowerCase() : "",
		namespaced: kind.namespaced,
		kind: kind.kind,
		verbs,
		...name === kind.plural && kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}
	});
	return [entry(kind.plural, [
		"create",
		"delete",
		"get",
		"list",
		"patch",
		"update",
		"watch"
	]), ...Object.entries(subresourcesOf(kind)).map(([part, verbs]) => ({
		...entry(`${kind.plural}/${part}`, verbs),
		...part === "scale" ? scaleKind : {}
	}))];
};
const scaleKind = {
	group: "autoscaling",
	version: "v1",
	kind: "Scale"
};
/** The group versions with the roots of their paths. */
const groupVersions = [...new Set(servedKinds.map(apiVersionOf))].map((apiVersion) => ({
	root: apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`,
	kinds: servedKinds.filter((kind) => apiVersionOf(kind) === apiVersion)
}));
const openApiIndex = { paths: Object.fromEntries(groupVersions.map(({ root }) => [root, { serverRelativeURL: `/openapi/v3/${root}` }])) };
/** Says no more than that this server validates objects itself, which is what kubectl asks before it applies one. */
const openApiOf = ({ kinds, root }) => ({
	openapi: "3.0.0",
	info: {
		title: "Kubernetes",
		version: "v1.36.0"
	},
	paths: Object.fromEntries(kinds.map(({ group, kind, namespaced, plural, version }) => [`/${root}/${namespaced ? "namespaces/{namespace}/" : ""}${plural}/{name}`, { patch: {
		parameters: [{
			name: "fieldValidation",
			in: "query",
			schema: { type: "string" }
		}],
		"x-kubernetes-group-version-kind": {
			group,
			version,
			kind
		},
		responses: {}
	} }]))
});
export { discovery };
