import { optional } from "../../fission/ObjectMeta.mjs";
import { Result, Schema } from "effect";
// src/devcluster/manifests/Packages.ts
const anyField = [Schema.Record(Schema.String, Schema.Unknown)];
const open = (fields) => Schema.StructWithRest(Schema.Struct(fields), anyField);
const PackageSpec = open({ deployment: optional(open({ url: optional(Schema.String) })) });
const FunctionSpec = open({ package: optional(open({ packageref: optional(open({
	name: Schema.String,
	namespace: optional(Schema.String),
	resourceversion: optional(Schema.String)
})) })) });
const PackageStatus = Schema.Struct({ buildstatus: optional(Schema.String) });
const decodePackageSpec = Schema.decodeUnknownResult(PackageSpec);
const decodeFunctionSpec = Schema.decodeUnknownResult(FunctionSpec);
const decodePackageStatus = Schema.decodeUnknownResult(PackageStatus);
const archiveScheme = "archive://";
/** The name of the archive that a Package takes its code from; undefined for any other object. */
const archiveName = (object) => {
	if (object["kind"] !== "Package") return void 0;
	const url = Result.getOrUndefined(decodePackageSpec(object["spec"]))?.deployment?.url ?? "";
	return url.startsWith(archiveScheme) ? url.slice(10) : void 0;
};
/** The Package with a literal in place of its archive. */
const packageWith = (object, literal) => ({
	...object,
	spec: {
		...Result.getOrUndefined(decodePackageSpec(object["spec"])),
		deployment: {
			type: "literal",
			literal
		}
	}
});
/**
* The build status to write: the manifest's own, or `none` for a Package that needs no build, which in a whole Fission
* the builder manager writes (resources.md section 5). Undefined where there is one already or a build is needed.
*/
const wantsBuildStatus = (object, live) => {
	const statusOf = (value) => Result.getOrUndefined(decodePackageStatus(value))?.buildstatus ?? "";
	if (statusOf(live["status"]) !== "") return void 0;
	const given = statusOf(object["status"]);
	if (given !== "") return given;
	const deployment = Result.getOrUndefined(decodePackageSpec(object["spec"]))?.deployment ?? {};
	return Object.keys(deployment).length === 0 ? void 0 : "none";
};
/** `namespace/name` of the Package that a Function names; empty when it names none. */
const packageReference = (fn) => {
	const reference = referenceOf(fn["spec"]);
	return reference === void 0 ? "" : `${reference.namespace || (fn.metadata.namespace ?? "")}/${reference.name}`;
};
/**
* The Function with the version of its Package: the one given, else what the manifest says, else what the live Function
* holds.
*/
const functionWith = (object, version, live) => {
	const spec = Result.getOrUndefined(decodeFunctionSpec(object["spec"]));
	const reference = spec?.package?.packageref;
	if (!reference) return object;
	const resourceversion = version ?? reference.resourceversion ?? referenceOf(live?.["spec"])?.resourceversion;
	if (!resourceversion) return object;
	return {
		...object,
		spec: {
			...spec,
			package: {
				...spec.package,
				packageref: {
					...reference,
					resourceversion
				}
			}
		}
	};
};
const referenceOf = (spec) => Result.getOrUndefined(decodeFunctionSpec(spec))?.package?.packageref ?? void 0;
export { archiveName, functionWith, packageReference, packageWith, wantsBuildStatus };
