// src/fission/PoolName.ts
/**
* Name of a pool's Deployment: `poolmgr-<environment>-<namespace>-<resourceVersion>`, both names cut to 18 characters
* when together they have 37 or more (poolmgr.md section 4.6). Found again by label, never by this name.
*/
const poolName = (environment) => {
	const { name, namespace, resourceVersion } = environment.metadata;
	const whole = name.length + (namespace ?? "").length < 37;
	const cut = (text) => whole ? text : text.slice(0, 18);
	return `poolmgr-${cut(name)}-${cut(namespace ?? "")}-${resourceVersion ?? ""}`.toLowerCase();
};
export { poolName };
