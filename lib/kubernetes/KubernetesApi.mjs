import { Context } from "effect";
// src/kubernetes/KubernetesApi.ts
/** The least an answer must be to be taken for an object. */
const isObject = (value) => typeof value === "object" && value !== null && "metadata" in value && typeof value.metadata === "object" && value.metadata !== null;
/**
* The one door to the Kubernetes API. No method retries; each has a deadline that the server is told too, and
* interrupting the fiber aborts the request. Deleting is a door of its own, `KubernetesDeletion`.
*/
var KubernetesApi = class extends Context.Service()("fission-executor/kubernetes/KubernetesApi") {};
/**
* The door for deletes. Only `safeguards/Deletion`, which asks for a ground, `orphans delete`, which has a person's word,
* and the embedded cluster may use it; the lint rules hold that.
*/
var KubernetesDeletion = class extends Context.Service()("fission-executor/kubernetes/KubernetesDeletion") {};
export { KubernetesApi, KubernetesDeletion, isObject };
