import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
// src/devcluster/Zip.ts
const signatures = {
	local: 67324752,
	central: 33639248,
	end: 101010256
};
const method = {
	stored: 0,
	deflated: 8
};
/** "Made by" of archives whose attributes hold a Unix mode: Unix and macOS. */
const unixSystems = /* @__PURE__ */ new Set([3, 19]);
const endLength = 22;
/** The format's earliest date, so that the same files always give the same bytes. */
const earliestDate = 33;
/** Whether these bytes begin as a zip archive does. */
const isZip = (bytes) => bytes.length >= 4 && bytes.readUInt32LE(0) === signatures.local;
/** The entries of a zip archive, checked against their sums. Throws an `Error` that says what is wrong with it. */
const readZip = (archive) => {
	const end = archive.lastIndexOf(uint32(signatures.end));
	if (end < 0 || end + endLength > archive.length) throw new Error("the zip archive has no end record");
	const count = archive.readUInt16LE(end + 10);
	let at = archive.readUInt32LE(end + 16);
	if (count === 65535 || at === 4294967295) throw new Error("zip64 archives are not supported");
	return Array.from({ length: count }, () => {
		if (at + 46 > archive.length || archive.readUInt32LE(at) !== signatures.central) throw new Error("the directory of the zip archive is damaged");
		const header = archive.subarray(at);
		const nameLength = header.readUInt16LE(28);
		const name = header.subarray(46, 46 + nameLength).toString("utf8");
		at += 46 + nameLength + header.readUInt16LE(30) + header.readUInt16LE(32);
		return {
			name,
			mode: unixSystems.has(header.readUInt8(5)) ? header.readUInt32LE(38) >>> 16 : 0,
			content: contentOf(archive, header, name)
		};
	});
};
const contentOf = (archive, header, name) => {
	if ((header.readUInt16LE(8) & 1) === 1) throw new Error(`${name} is encrypted`);
	const [packedSize, size, local] = [
		header.readUInt32LE(20),
		header.readUInt32LE(24),
		header.readUInt32LE(42)
	];
	if (local + 30 > archive.length || archive.readUInt32LE(local) !== signatures.local) throw new Error(`${name} is not where the zip archive says`);
	const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
	const packed = archive.subarray(from, from + packedSize);
	const content = unpack(header.readUInt16LE(10), packed, size, name);
	if (content.length !== size || crc32(content) !== header.readUInt32LE(16)) throw new Error(`${name} is damaged`);
	return content;
};
const unpack = (packing, packed, size, name) => {
	if (packing === method.stored) return packed;
	if (packing === method.deflated) return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
	throw new Error(`${name} is packed with method ${packing}, which is not supported`);
};
/** A zip archive of plain files, in the order given. The same files give the same bytes. */
const writeZip = (files) => {
	const locals = [];
	const centrals = [];
	let offset = 0;
	for (const { name, content } of files) {
		const packed = deflateRawSync(content);
		const encodedName = Buffer.from(name);
		const common = commonHeader(content, packed, encodedName);
		const local = Buffer.concat([
			uint32(signatures.local),
			common,
			encodedName,
			packed
		]);
		centrals.push(centralHeader(common, offset), encodedName);
		locals.push(local);
		offset += local.length;
	}
	const directory = Buffer.concat(centrals);
	const end = Buffer.alloc(endLength);
	end.writeUInt32LE(signatures.end, 0);
	end.writeUInt16LE(files.length, 8);
	end.writeUInt16LE(files.length, 10);
	end.writeUInt32LE(directory.length, 12);
	end.writeUInt32LE(offset, 16);
	return Buffer.concat([
		...locals,
		directory,
		end
	]);
};
/** The 26 bytes that a file's own header and its entry in the directory share. */
const commonHeader = (content, packed, name) => {
	const header = Buffer.alloc(26);
	const neededVersion = 20;
	const utf8Names = 2048;
	header.writeUInt16LE(neededVersion, 0);
	header.writeUInt16LE(utf8Names, 2);
	header.writeUInt16LE(method.deflated, 4);
	header.writeUInt16LE(earliestDate, 8);
	header.writeUInt32LE(crc32(content), 10);
	header.writeUInt32LE(packed.length, 14);
	header.writeUInt32LE(content.length, 18);
	header.writeUInt16LE(name.length, 22);
	return header;
};
const centralHeader = (common, offset) => {
	const [start, rest] = [Buffer.alloc(6), Buffer.alloc(14)];
	const madeByUnix = 788;
	const regularFile = 33188;
	start.writeUInt32LE(signatures.central, 0);
	start.writeUInt16LE(madeByUnix, 4);
	rest.writeUInt32LE(regularFile * 65536, 6);
	rest.writeUInt32LE(offset, 10);
	return Buffer.concat([
		start,
		common,
		rest
	]);
};
const uint32 = (value) => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value);
	return bytes;
};
export { isZip, readZip, writeZip };
