// Where the build put things; run.sh says so.
export const build = process.env["RINGFENCE_BUILD"] ?? "build";
export const pages = process.env["RINGFENCE_PAGES"] ?? `${build}/web_assets.c.p/pages`;
export const shots = process.env["RINGFENCE_SHOTS"] ?? `${build}/shots`;
