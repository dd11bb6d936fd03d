import { Deployment, Pod, Service } from "./Workloads.mjs";
import { Environment } from "./Environment.mjs";
import { FissionFunction } from "./Function.mjs";
import { FunctionAlias, FunctionVersion } from "./FunctionVersion.mjs";
import { Lease } from "./Lease.mjs";
import { ObjectMeta } from "./ObjectMeta.mjs";
import { Schema } from "effect";
// src/fission/ResourceKind.ts
const kindOf = (group, version, kind, plural, schema, options) => ({
	group,
	version,
	kind,
	plural,
	namespaced: options?.namespaced ?? true,
	metadataOnly: options?.metadataOnly ?? false,
	decode: Schema.decodeUnknownResult(schema)
});
const MetadataOnly = Schema.Struct({ metadata: ObjectMeta });
/** `functions.fission.io/v1` */
const Functions = kindOf("fission.io", "v1", "Function", "functions", FissionFunction);
/** `environments.fission.io/v1` */
const Environments = kindOf("fission.io", "v1", "Environment", "environments", Environment);
/** `functionversions.fission.io/v1` */
const FunctionVersions = kindOf("fission.io", "v1", "FunctionVersion", "functionversions", FunctionVersion);
/** `functionaliases.fission.io/v1` */
const FunctionAliases = kindOf("fission.io", "v1", "FunctionAlias", "functionaliases", FunctionAlias);
/** `packages.fission.io/v1`, metadata only: literals are up to 256 KiB each and none of our business. */
const Packages = kindOf("fission.io", "v1", "Package", "packages", MetadataOnly, { metadataOnly: true });
/** `events`, which are only written. */
const Events = kindOf("", "v1", "Event", "events", MetadataOnly);
/** `pods`, with the fields of their life cycle. */
const Pods = kindOf("", "v1", "Pod", "pods", Pod);
/** `deployments.apps/v1`, with identity, scale and progress. */
const Deployments = kindOf("apps", "v1", "Deployment", "deployments", Deployment);
/** `leases.coordination.k8s.io/v1` */
const Leases = kindOf("coordination.k8s.io", "v1", "Lease", "leases", Lease);
/** `services`, with what they lead to. */
const Services = kindOf("", "v1", "Service", "services", Service);
/** `horizontalpodautoscalers.autoscaling/v2`, of which the executor reads and writes whole objects. */
const HorizontalPodAutoscalers = kindOf("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", MetadataOnly);
/** `secrets`, metadata only: nobody holds what is in them. */
const Secrets = kindOf("", "v1", "Secret", "secrets", MetadataOnly, { metadataOnly: true });
/** `configmaps`, metadata only. */
const ConfigMaps = kindOf("", "v1", "ConfigMap", "configmaps", MetadataOnly, { metadataOnly: true });
/** `group/version`, or the version alone for the core group, as `apiVersion` writes it. */
const apiVersionOf = (kind) => kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
export { ConfigMaps, Deployments, Environments, Events, FunctionAliases, FunctionVersions, Functions, HorizontalPodAutoscalers, Leases, Packages, Pods, Secrets, Services, apiVersionOf };
