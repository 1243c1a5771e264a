// Seals with the documentation's code, and opens with the same HPKE, what stdin asks for as JSON.
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { infoFor, seal } from "./documented.mjs";

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

async function open(envelope, place, { kty, crv, x, d }) {
  const [, , kid, text] = envelope.split(":");
  const sealed = Buffer.from(text, "base64url");
  const recipientKey = await suite.kem.importKey("jwk", { kty, crv, x, d }, false);
  const info = infoFor(kid, place);
  const enc = new Uint8Array(sealed.subarray(0, 32));
  const padded = Buffer.from(
    await suite.open({ recipientKey, enc, info }, new Uint8Array(sealed.subarray(32))),
  );
  return padded.subarray(0, padded.lastIndexOf(0x80)).toString("utf8");
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { toSeal, toOpen, place, jwk } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
const sealed = await Promise.all(toSeal.map((secret) => seal(secret, place, jwk)));
const opened = await Promise.all(
  toOpen.map((envelope) => open(envelope, place, jwk).catch((error) => ({ error: error.name }))),
);
process.stdout.write(JSON.stringify({ sealed, opened }));
