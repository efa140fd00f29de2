import Handlebars from 'handlebars';
import type { Issue } from '../domain/errors.ts';
import { TEMPLATE_PARTS, type TemplateBundle, type TemplatePart } from '../domain/template.ts';
import { PERSONAL_PATHS, variablesOf } from './view.ts';

/** Names a source in an error: `sms.hbs` of a locale, or a partial. */
export interface SourceNames {
  part(locale: string, part: TemplatePart): string;
  partial(name: string): string;
}

interface Variable {
  /** Differs from recipient to recipient. */
  readonly personal: boolean;
}

/** The names that an expression can see. */
interface Scope {
  readonly file: string;
  readonly variables: ReadonlyMap<string, Variable>;
  /** Inside `{{#each}}`: the current item is a text, and `../` leads out. */
  readonly inEach: boolean;
}

/**
 * Reads every source of a bundle, follows its partials, and finds what would go wrong when rendering: what does
 * not parse, unknown variables and partials, and constructs outside the small language that Herald allows.
 * That language has no way to compute with a recipient's values, which is what lets splice.ts render once for all.
 *
 * @returns the findings, and the partials that are used
 */
export function checkTemplate(
  bundle: TemplateBundle,
  names: SourceNames,
): { readonly issues: Issue[]; readonly partials: ReadonlySet<string> } {
  const checker = new Checker(bundle, names);
  for (const [locale, parts] of Object.entries(bundle.locales)) {
    for (const part of TEMPLATE_PARTS) {
      const known = variablesOf(bundle)
        .filter((path) => part !== 'webhook' || !PERSONAL_PATHS.includes(path))
        .map((path) => [path, { personal: PERSONAL_PATHS.includes(path) }] as const);
      checker.source(parts[part], {
        file: names.part(locale, part),
        variables: new Map(known),
        inEach: false,
      });
    }
  }
  // A partial that nobody calls has no variables to be checked with, but it must parse.
  for (const [name, source] of Object.entries(bundle.partials)) {
    if (!checker.used.has(name)) checker.parse(source, names.partial(name));
  }
  return { issues: [...checker.issues.values()], partials: checker.used };
}

class Checker {
  /** By place and message: a partial is checked once for each call. */
  readonly issues = new Map<string, Issue>();
  readonly used = new Set<string>();
  readonly #bundle: TemplateBundle;
  readonly #names: SourceNames;
  readonly #open: string[] = [];

  constructor(bundle: TemplateBundle, names: SourceNames) {
    this.#bundle = bundle;
    this.#names = names;
  }

  source(source: string, scope: Scope): undefined {
    this.#program(this.parse(source, scope.file), scope);
  }

  parse(source: string, file: string): hbs.AST.Program | undefined {
    try {
      return Handlebars.parse(source);
    } catch (error) {
      return this.#syntax(error, file);
    }
  }

  #program(program: hbs.AST.Program | undefined, scope: Scope): undefined {
    if (program?.blockParams?.length) this.#refuse(program, scope, '"as |…|" is not allowed');
    for (const node of program?.body ?? []) this.#statement(node, scope);
  }

  #statement(node: hbs.AST.Statement, scope: Scope): undefined {
    switch (node.type) {
      case 'ContentStatement':
      case 'CommentStatement':
        return undefined;
      case 'MustacheStatement':
        return this.#mustache(node as hbs.AST.MustacheStatement, scope);
      case 'BlockStatement':
        return this.#block(node as hbs.AST.BlockStatement, scope);
      case 'PartialStatement':
        return this.#partial(node as hbs.AST.PartialStatement, scope);
      default:
        return this.#refuse(node, scope, `${node.type} is not allowed: no partial blocks, no decorators`);
    }
  }

  #mustache(node: hbs.AST.MustacheStatement, scope: Scope): undefined {
    if (!node.escaped) {
      this.#refuse(node, scope, 'unescaped output ({{{ }}} or {{& }}) is not allowed; write {{ }}');
    } else if (node.params.length > 0 || node.hash) {
      this.#refuse(
        node,
        scope,
        `"${original(node.path)}" cannot be called here: {{ }} takes a variable and nothing else`,
      );
    } else {
      this.#variable(node.path, scope);
    }
  }

  #block(node: hbs.AST.BlockStatement, scope: Scope): undefined {
    const [param] = node.params;
    const helper = node.path.original;
    let inner = scope;
    if (!['if', 'unless', 'each'].includes(helper)) {
      return this.#refuse(node, scope, `unknown block {{#${helper}}}; there are #if, #unless and #each`);
    }
    if (!param || node.params.length > 1 || node.hash) {
      return this.#refuse(node, scope, `{{#${helper}}} takes one thing and no options`);
    }
    if (helper === 'each') {
      if (scope.inEach) return this.#refuse(node, scope, '{{#each}} inside {{#each}} is not allowed');
      this.#paragraphs(param, scope);
      inner = { ...scope, inEach: true };
    } else {
      this.#variable(param, scope);
    }
    this.#program(node.program, inner);
    // What stands after {{else}} of an #each is rendered in the outer scope.
    this.#program(node.inverse, scope);
  }

  #paragraphs(param: hbs.AST.Expression, scope: Scope): undefined {
    const call = param as hbs.AST.SubExpression;
    const [text] = call.params ?? [];
    const isCall = param.type === 'SubExpression' && call.path.original === 'paragraphs';
    if (!isCall || !text || call.params.length > 1 || call.hash) {
      return this.#refuse(param, scope, 'the only list is (paragraphs <field>)');
    }
    if (this.#variable(text, scope)?.personal) {
      this.#refuse(param, scope, `${original(text)} belongs to a recipient and has no paragraphs`);
    }
  }

  #partial(node: hbs.AST.PartialStatement, scope: Scope): undefined {
    if (scope.inEach) return this.#refuse(node, scope, 'a partial inside {{#each}} is not allowed');
    if (node.name.type === 'SubExpression' || node.params.length > 0) {
      return this.#refuse(node, scope, 'a partial has a fixed name and takes only name=value');
    }
    const name = (node.name as hbs.AST.PathExpression).original;
    const source = Object.hasOwn(this.#bundle.partials, name) ? this.#bundle.partials[name] : undefined;
    if (source === undefined) return this.#refuse(node, scope, `unknown partial "${name}"`);
    if (this.#open.includes(name)) return this.#refuse(node, scope, `partial "${name}" calls itself`);
    this.used.add(name);
    const variables = new Map(scope.variables);
    for (const { key, value } of node.hash?.pairs ?? []) {
      if ([...scope.variables.keys()].some((path) => path === key || path.startsWith(`${key}.`))) {
        this.#refuse(
          node,
          scope,
          `"${key}" is a variable already; give the partial's parameter another name`,
        );
      }
      const literal = ['StringLiteral', 'NumberLiteral', 'BooleanLiteral'].includes(value.type);
      variables.set(key, (literal ? undefined : this.#variable(value, scope)) ?? { personal: false });
    }
    this.#open.push(name);
    this.source(source, { file: this.#names.partial(name), variables, inEach: false });
    this.#open.pop();
  }

  /** The variable that an expression names; says so and gives nothing when there is none. */
  #variable(node: hbs.AST.Expression, scope: Scope): Variable | undefined {
    const path = node as hbs.AST.PathExpression;
    if (node.type !== 'PathExpression') {
      this.#refuse(node, scope, 'a variable is expected here');
      return undefined;
    }
    const name = path.parts.join('.');
    if (scope.inEach && !path.data && path.depth === 0 && name === '') return { personal: false };
    if (scope.inEach && path.data && ['first', 'last', 'index'].includes(name)) return { personal: false };
    const found = path.parts.some((part) => part.includes('.')) ? undefined : scope.variables.get(name);
    if (path.data || path.depth !== (scope.inEach ? 1 : 0) || !found) {
      const outside = found && scope.inEach && path.depth === 0 && !path.data;
      this.#refuse(
        node,
        scope,
        outside ? `inside {{#each}} write ../${name}` : `unknown variable "${path.original}"`,
      );
      return undefined;
    }
    return found;
  }

  #refuse(node: hbs.AST.Node, scope: Scope, message: string): undefined {
    this.#add(`${scope.file}:${node.loc.start.line}`, message);
  }

  #syntax(error: unknown, file: string): undefined {
    const text = error instanceof Error ? error.message : String(error);
    // Handlebars: "Parse error on line 3:\n…" from the parser, "if doesn't match each - 1:3" from the builder.
    const line = /on line (\d+)/.exec(text)?.[1] ?? / - (\d+):\d+$/.exec(text)?.[1] ?? '1';
    this.#add(`${file}:${line}`, `does not parse: ${text.replace(/\s*\n\s*/g, ' ')}`);
  }

  #add(path: string, message: string): undefined {
    this.issues.set(`${path} ${message}`, { path, message });
  }
}

function original(node: hbs.AST.Node): string {
  return String((node as hbs.AST.PathExpression).original);
}
