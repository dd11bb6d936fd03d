import { Context, Effect, Layer } from "effect"
import { Settings } from "../Config.ts"

/** Which namespaces hold Fission resources. An add-on that finds them elsewhere provides another layer. */
export class NamespaceSet extends Context.Service<
  NamespaceSet,
  {
    /** Without duplicates, never empty. */
    readonly names: ReadonlyArray<string>
  }
>()("fission-executor/informers/NamespaceSet") {
  /** The namespaces of the configuration (tenancy `static`). */
  static readonly layerStatic = Layer.effect(
    NamespaceSet,
    Effect.map(Settings, (settings) => NamespaceSet.of({ names: settings.namespaces }))
  )
}
