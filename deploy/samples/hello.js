export default async ({ request }) => ({
  status: 200,
  body: `Hello, ${request.query.name ?? "world"}!\n`,
  headers: { "content-type": "text/plain; charset=utf-8" }
})
