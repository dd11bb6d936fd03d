const readyAt = Date.now()

export default async () => ({
  status: 200,
  body: `Ready ${Math.round((Date.now() - readyAt) / 1000)} s before this request.\n`,
  headers: { "content-type": "text/plain; charset=utf-8" }
})
