export default async ({ request }) => ({
  status: 200,
  body: {
    method: request.method,
    path: request.path,
    query: request.query,
    headers: request.headers,
    body: request.body
  }
})
