import { isZip, readZip } from "../Zip.mjs";
import { at, textAt } from "./json.mjs";
import { exchange, messageOf } from "./podProcess.mjs";
import { refuse } from "./refusal.mjs";
import { createHash, randomUUID } from "node:crypto";
import { dirname, join, normalize, sep } from "node:path";
import { chmod, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
// src/devcluster/pod/archive.ts
/**
* Where a file of this name lies in a directory. Throws the fetcher's 400 for a name that leads out of it or nowhere.
*/
const storePath = (directory, filename) => {
	const path = join(directory, filename);
	if (filename !== "" && path.startsWith(join(directory, sep))) return path;
	throw refuse("archive", 400, `the file name "${filename}" is not below the shared directory`);
};
/** Whether something is stored there already, which counts as fetched (P01). */
const isStored = (path) => stat(path).then(() => true, () => false);
/** The bytes of a Package's archive, literal or downloaded. Throws the refusals of section 5, step 3. */
const archiveBytes = async (archive, sign, signal) => {
	if (textAt(archive, "oci", "image") !== "") throw refuse("archive", 500, "OCI images are not supported by the embedded cluster");
	const literal = textAt(archive, "literal");
	if (literal !== "") return Buffer.from(literal, "base64");
	const bytes = await download(textAt(archive, "url"), sign, signal);
	checkSum(bytes, textAt(archive, "checksum", "type"), textAt(archive, "checksum", "sum"));
	return bytes;
};
/** The body behind a URL; the caller's leaving aborts it. Throws the fetcher's 400 for anything but a 2xx answer. */
const download = async (url, sign, signal) => {
	const failed = (detail) => refuse("archive", 400, `failed to download url ${url}: ${detail}`);
	if (!URL.canParse(url)) throw failed("it is no URL");
	const parsed = new URL(url);
	const answer = await exchange(parsed, {
		method: "GET",
		headers: sign(parsed),
		signal
	}).catch((cause) => {
		throw failed(messageOf(cause));
	});
	if (answer.status < 200 || answer.status > 299) throw failed(`HTTP ${answer.status}`);
	return answer.body;
};
const checkSum = (bytes, type, sum) => {
	if (sum === "") return;
	if (type !== "sha256") throw refuse("archive", 400, `the checksum type "${type}" is not supported`);
	const actual = createHash("sha256").update(bytes).digest("hex");
	if (actual !== sum) throw refuse("archive", 400, `failed to verify checksum: expected ${sum}, got ${actual}`);
};
/** Puts an archive in its place: a directory for a zip unless it is to be kept, else a file (section 5, steps 4 and 5). */
const store = async (bytes, path, keepArchive) => {
	try {
		if (isZip(bytes) && !keepArchive) await storeDirectory(readZip(bytes), path);
		else await storeFile(bytes, path);
	} catch (cause) {
		throw refuse("archive", 500, messageOf(cause));
	}
};
/** Readable by a runtime of another user, unlike upstream's 0600 (P08). */
const fileMode = 420;
const storeFile = async (bytes, path) => {
	const temporary = `${path}.tmp`;
	await writeFile(temporary, bytes);
	await chmod(temporary, fileMode);
	await rename(temporary, path);
};
const storeDirectory = async (entries, path) => {
	const temporary = join(dirname(path), randomUUID());
	try {
		await mkdir(temporary, { mode: 493 });
		for (const entry of entries) await unpack(entry, temporary);
		await rename(temporary, path);
	} catch (cause) {
		await rm(temporary, {
			recursive: true,
			force: true
		});
		throw cause;
	}
};
const fileTypeBits = 61440;
const symbolicLink = 40960;
const unpack = async ({ content, mode, name }, directory) => {
	const relative = normalize(name);
	if (relative.startsWith("..") || relative.startsWith(sep)) throw new Error(`${name} leads out of the archive`);
	if ((mode & fileTypeBits) === symbolicLink) throw new Error(`${name} is a symbolic link`);
	const target = join(directory, relative);
	if (name.endsWith("/")) {
		await mkdir(target, {
			recursive: true,
			mode: 493
		});
		return;
	}
	await mkdir(dirname(target), {
		recursive: true,
		mode: 493
	});
	await writeFile(target, content);
	await chmod(target, mode & 511 || fileMode);
};
/** The archive of a Package that a fetch type names. Throws the refusals of section 5, step 3. */
const archiveOf = (pkg, fetchType) => {
	if (fetchType === 0) return at(pkg, "spec", "source");
	const status = textAt(pkg, "status", "buildstatus");
	if (status === "succeeded" || status === "none") return at(pkg, "spec", "deployment");
	throw refuse("archive", 500, `package build status is "${status}", its deployment archive is not ready`);
};
export { archiveBytes, archiveOf, download, isStored, store, storePath };
