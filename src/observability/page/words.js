// How numbers, times and states are written.

export const tones = new Map(
  Object.entries({
    good: ["Answering", "Healthy", "Full", "Warm"],
    busy: ["Starting", "Filling", "Busy"],
    warn: ["Stale", "Waiting", "Recovering"],
    bad: ["Away", "Braked", "Blocked", "BackingOff", "Stuck", "Degraded", "Failing"]
  }).flatMap(([tone, states]) => states.map((state) => [state, tone]))
)

export const number = (value) => value.toLocaleString("en")

export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`

export const duration = (seconds) => {
  if (seconds < 100) return `${Math.round(seconds)} s`
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

export const millis = (value) => (value < 10_000 ? `${number(value)} ms` : duration(value / 1000))

export const clock = (time) => time.toLocaleTimeString([], { hourCycle: "h23" })

export const sum = (values) => values.reduce((total, value) => total + value, 0)
