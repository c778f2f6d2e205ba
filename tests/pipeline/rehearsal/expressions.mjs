// Answers one JSON line on standard output for each on standard input, with GitHub's own evaluator.
//   {"template": "a ${{ b }}", "contexts": {…}, "status": {…}}  ->  {"value": …}
//   {"condition": "always() && x", …}                           ->  {"value": true}
// `status` holds what success(), failure(), cancelled() and always() return here; `hashes` is not offered.
import { createInterface } from "node:readline";
import { Binary, FunctionCall, Grouping, IndexAccess, Logical, Unary } from "../vendor/expressions/ast.js";
import { BooleanData, replacer, reviver } from "../vendor/expressions/data/index.js";
import { Evaluator } from "../vendor/expressions/evaluator.js";
import { Lexer } from "../vendor/expressions/lexer.js";
import { Parser } from "../vendor/expressions/parser.js";

const STATUS = ["success", "failure", "cancelled", "always"];
const INFOS = STATUS.map((name) => ({ name, minArgs: 0, maxArgs: 0 }));

function parse(text, contexts) {
  return new Parser(new Lexer(text).lex().tokens, Object.keys(contexts), INFOS).parse();
}

function asksStatus(node) {
  if (node instanceof FunctionCall) {
    return STATUS.includes(node.functionName.lexeme.toLowerCase()) || node.args.some(asksStatus);
  }
  if (node instanceof Binary) return asksStatus(node.left) || asksStatus(node.right);
  if (node instanceof Logical) return node.args.some(asksStatus);
  if (node instanceof Unary) return asksStatus(node.expr);
  if (node instanceof Grouping) return asksStatus(node.group);
  if (node instanceof IndexAccess) return asksStatus(node.expr) || asksStatus(node.index);
  return false;
}

function evaluate(text, { contexts, status }, condition = false) {
  const tree = parse(text, contexts);
  if (condition && !asksStatus(tree) && !status.success) return new BooleanData(false);
  const functions = new Map(
    INFOS.map((info) => [info.name, { ...info, call: () => new BooleanData(Boolean(status[info.name])) }]),
  );
  const data = JSON.parse(JSON.stringify(contexts), reviver);
  return new Evaluator(tree, data, functions).evaluate();
}

// The parts of a template: plain text and expressions, with quoted '}}' left alone.
const PART = /\$\{\{((?:'(?:[^']|'')*'|[^'}]|\}(?!\}))*)\}\}/g;

function render(request) {
  const { template } = request;
  const whole = template.trim().match(new RegExp(`^${PART.source}$`));
  if (whole) return evaluate(whole[1], request);
  return template.replace(PART, (_, text) => evaluate(text, request).coerceString());
}

function truth(value) {
  return !(value === null || value === false || value === 0 || value === "" || Number.isNaN(value));
}

function answer(request) {
  if (request.condition === undefined) return JSON.parse(JSON.stringify(render(request), replacer));
  const bare = request.condition.trim().match(new RegExp(`^${PART.source}$`));
  const value = evaluate(bare ? bare[1] : request.condition, request, true);
  return truth(JSON.parse(JSON.stringify(value, replacer)));
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = { value: answer(JSON.parse(line)) };
  } catch (error) {
    reply = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
