import { Tracer } from "effect"
import type { TracingShape } from "../../src/Tracing.ts"

/** Records every trace, for nobody. */
export const nativeTracing: TracingShape = {
  sampler: { ratio: 1, parentBased: true },
  tracer: Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })
}
