// src/podspec/Ownership.ts
/**
* The owner reference of an object in that namespace, as a part of its metadata. None to an owner in another namespace:
* Kubernetes takes that for one that is gone, and deletes what it owns (W29, newdeploy-and-container.md section 3.3).
*/
const ownedBy = (kind, owner, namespace, settings) => {
	if (settings.disableOwnerReferences || namespace !== owner.namespace) return {};
	const { name, uid } = owner;
	return { ownerReferences: [{
		apiVersion: "fission.io/v1",
		kind,
		name,
		uid: uid ?? "",
		controller: true,
		blockOwnerDeletion: true
	}] };
};
export { ownedBy };
