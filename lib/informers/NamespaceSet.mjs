import { Settings } from "../Config.mjs";
import { Context, Effect, Layer } from "effect";
// src/informers/NamespaceSet.ts
/** Which namespaces hold Fission resources. An add-on that finds them elsewhere provides another layer. */
var NamespaceSet = class NamespaceSet extends Context.Service()("fission-executor/informers/NamespaceSet") {
	/** The namespaces of the configuration (tenancy `static`). */
	static layerStatic = Layer.effect(NamespaceSet, Effect.map(Settings, (settings) => NamespaceSet.of({ names: settings.namespaces })));
};
export { NamespaceSet };
