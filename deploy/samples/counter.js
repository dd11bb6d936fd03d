const startedAt = new Date()
let count = 0

export default async () => {
  count++
  return { status: 200, body: { count, startedAt } }
}
