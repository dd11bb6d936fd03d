import { Cause, Inspectable, Layer, Logger, References } from "effect";
// src/cli/Logging.ts
/** Logs to standard output, from this level on. */
const layer = (form, level = "Info") => Layer.merge(Logger.layer([Logger.withConsoleLog(form === "json" ? json : readable)]), Layer.succeed(References.MinimumLogLevel, level));
/** Readable where a person looks on, JSON where the output is collected. */
const formFor = (stream) => stream.isTTY === true ? "readable" : "json";
const fieldsOf = (options) => {
	const { annotations, cause, level, message, timestamp } = Logger.formatStructured.log(options);
	const [text, ...details] = Array.isArray(message) ? message : [message];
	return {
		timestamp,
		level,
		message: textOf(text),
		...annotations,
		...details.length === 0 ? {} : { details: details.length === 1 ? details[0] : details },
		...cause === void 0 ? {} : { cause }
	};
};
const json = Logger.make((options) => Inspectable.toStringUnknown(fieldsOf(options), 0));
const colours = {
	DEBUG: "\x1B[90m",
	INFO: "\x1B[32m",
	WARN: "\x1B[33m",
	ERROR: "\x1B[31m",
	FATAL: "\x1B[41m"
};
const grey = "\x1B[90m";
const plain = "\x1B[0m";
const readable = Logger.make((options) => {
	const { cause: _, level, message, timestamp, ...fields } = fieldsOf(options);
	const details = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`);
	const cause = Cause.prettyErrors(options.cause).map((error) => `\n${error.stack ?? error.message}`);
	const time = timestamp.slice(11, 23);
	return `${grey}${time}${plain} ${colours[level] ?? ""}${level.padEnd(5)}${plain} ${message} ${grey}${details.join(" ")}${plain}${cause.join("")}`;
});
const textOf = (value) => typeof value === "string" ? value : Inspectable.toStringUnknown(value, 0);
export { formFor, layer };
