/**
 * Reads the text form of protocol buffers, in which Caffe's networks are written, into a tree without knowing its
 * schema: https://protobuf.dev/reference/protobuf/textformat-spec/. Extensions and `Any` are not part of what Caffe
 * writes, and are refused. A file costs at most time and memory in proportion to its length, which the caller bounds.
 */
import { NeuroreelError } from '../../../protocol/errors.js';

/** Words (`true`, `MAX`) are strings as well: only a schema can tell them from quoted text. */
export type TextValue = number | string | TextMessage;
/** All values of each field, in the order of the file. The object has no prototype. */
export interface TextMessage {
  readonly [field: string]: readonly TextValue[];
}

const MAX_DEPTH = 64;
const MAX_FIELDS = 500_000;
const MAX_NAME = 256;
const MAX_NUMBER = 64;

const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);
const isDigit = (c: number): boolean => c >= 48 && c <= 57;
const isLetter = (c: number): boolean => (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
const isWord = (c: number): boolean => isLetter(c) || isDigit(c);
/** What may follow in a number: 1e-3, 0x1F, -2., 1.5f. */
const isNumeric = (c: number): boolean => isWord(c) || c === 43 || c === 45 || c === 46;

const DECIMAL = /^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?[fF]?$/;
const OCTAL = /^-?0[0-7]+$/;
const HEX = /^-?0[xX][0-9a-fA-F]+$/;

/** A number as protobuf's text form has it, NaN for what is none. */
function numberOf(token: string): number {
  const sign = token.startsWith('-') ? -1 : 1;
  const digits = sign < 0 ? token.slice(1) : token;
  if (HEX.test(token)) return sign * Number.parseInt(digits.slice(2), 16);
  if (OCTAL.test(token)) return sign * Number.parseInt(digits, 8);
  return DECIMAL.test(token) ? Number.parseFloat(token) : NaN;
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
};

class TextReader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;
  #fields = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  #fail(problem: string, at = this.#at): never {
    const before = this.#text.slice(0, at).split('\n');
    const place = `line ${before.length}, column ${before[before.length - 1]!.length + 1}`;
    throw new NeuroreelError('MODEL_INVALID', `${this.#what}, ${place}: ${problem}.`);
  }

  /** The code of the next character that is neither space nor comment; NaN at the end. */
  #next(): number {
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (isSpace(c)) this.#at++;
      else if (c === 35) {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end + 1;
      } else return c;
    }
  }

  #takes(character: string): boolean {
    const found = this.#next() === character.charCodeAt(0);
    if (found) this.#at++;
    return found;
  }

  #run(fits: (c: number) => boolean, limit: number): string {
    const start = this.#at;
    while (fits(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at - start > limit) this.#fail(`a token of ${this.#at - start} characters`, start);
    return this.#text.slice(start, this.#at);
  }

  /** Fields up to the closing bracket, or to the end of the file where there is none. */
  message(close: string | null, depth: number): TextMessage {
    if (depth > MAX_DEPTH) this.#fail(`messages stand inside each other more than ${MAX_DEPTH} deep`);
    const fields = Object.create(null) as Record<string, TextValue[]>;
    for (;;) {
      const c = this.#next();
      if (Number.isNaN(c)) return close === null ? fields : this.#fail(`the file ends where "${close}" is expected`);
      if (close !== null && this.#takes(close)) return fields;
      if (!isLetter(c)) this.#fail(`${JSON.stringify(this.#text[this.#at])} where the name of a field is expected`);
      const name = this.#run(isWord, MAX_NAME);
      this.#values((fields[name] ??= []), name, depth);
      if (!this.#takes(',')) this.#takes(';');
    }
  }

  #values(into: TextValue[], name: string, depth: number): void {
    const colon = this.#takes(':');
    if (!this.#takes('[')) return this.#push(into, this.#value(name, colon, depth));
    if (this.#takes(']')) return;
    do this.#push(into, this.#value(name, colon, depth));
    while (this.#takes(','));
    if (!this.#takes(']')) this.#fail(`the list of "${name}" is not closed`);
  }

  #push(into: TextValue[], value: TextValue): void {
    if (++this.#fields > MAX_FIELDS) this.#fail(`more than ${MAX_FIELDS} values`);
    into.push(value);
  }

  #value(name: string, colon: boolean, depth: number): TextValue {
    const c = this.#next();
    if (this.#takes('{')) return this.message('}', depth + 1);
    if (this.#takes('<')) return this.message('>', depth + 1);
    if (!colon) this.#fail(`":" or "{" is expected after "${name}"`);
    if (c === 34 || c === 39) return this.#strings();
    if (isLetter(c)) return this.#run(isWord, MAX_NAME);
    return this.#number(name);
  }

  #number(name: string): number {
    const start = this.#at;
    // The sign may stand apart.
    const sign = this.#takes('-') ? '-' : '';
    this.#next();
    const value = numberOf(sign + this.#run(isNumeric, MAX_NUMBER));
    if (Number.isNaN(value)) this.#fail(`no value for "${name}"`, start);
    return value;
  }

  /** Text in quotes; pieces that follow each other are one. */
  #strings(): string {
    const pieces: string[] = [];
    for (let c = this.#next(); c === 34 || c === 39; c = this.#next()) pieces.push(this.#string(c));
    return pieces.join('');
  }

  #string(quote: number): string {
    const start = ++this.#at;
    let bytes: number[] | null = null;
    let from = start;
    for (;;) {
      const c = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(c) || c === 10) this.#fail('text that is not closed', start - 1);
      if (c === quote || c === 92) {
        const plain = this.#text.slice(from, this.#at++);
        if (c === quote && bytes === null) return plain;
        bytes ??= [];
        for (const byte of Buffer.from(plain)) bytes.push(byte);
        if (c === quote) return Buffer.from(bytes).toString();
        this.#escape(bytes);
        from = this.#at;
      } else this.#at++;
    }
  }

  /** What stands behind a backslash, as bytes of UTF-8. */
  #escape(bytes: number[]): void {
    const character = this.#text[this.#at] ?? '';
    const simple = Object.hasOwn(SIMPLE_ESCAPES, character) ? SIMPLE_ESCAPES[character] : undefined;
    if (simple !== undefined) {
      this.#at++;
      bytes.push(simple);
      return;
    }
    const ahead = this.#text.slice(this.#at, this.#at + 9);
    const octal = /^[0-7]{1,3}/.exec(ahead)?.[0];
    const hex = /^[xX]([0-9a-fA-F]{1,2})/.exec(ahead);
    const unicode = /^(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(ahead);
    const point = unicode ? Number.parseInt(unicode[1] ?? unicode[2]!, 16) : -1;
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff);
    else if (hex) bytes.push(Number.parseInt(hex[1]!, 16));
    else if (point >= 0 && point <= 0x10ffff) bytes.push(...Buffer.from(String.fromCodePoint(point)));
    else this.#fail('an unknown escape sequence', this.#at - 1);
    this.#at += (octal ?? hex?.[0] ?? unicode![0]).length;
  }
}

/**
 * Reads a message in text form.
 * @param what the file, for messages.
 * @throws NeuroreelError MODEL_INVALID with line and column of what is wrong.
 */
export function readText(text: string, what: string): TextMessage {
  return new TextReader(text.replace(/^\uFEFF/, ''), what).message(null, 0);
}
