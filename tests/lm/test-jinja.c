/* The interpreter of chat templates against what Jinja2 does: expressions, statements, white space,
 * marks, limits. */
#include <string.h>

#include "errors.h"
#include "jinja.h"
#include "json.h"
#include "test-jinja.h"

static const char messages_text[] =
    "[{\"role\": \"system\", \"content\": \" Be terse.\\n\"},"
    " {\"role\": \"user\", \"content\": \"Ünï <b> 'q' \\\"d\\\"\"},"
    " {\"role\": \"assistant\", \"content\": \"Hi\", \"tool_calls\": [{\"name\": \"f\", "
    "\"arguments\": {\"x\": 1, \"y\": [1.5, null, true]}}]},"
    " {\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"part\"}]}]";
static const char variables_text[] =
    "{\"n\": 7, \"f\": 3.14159, \"s\": \"The quick-brown (fox) jumps\", \"l\": [3, 1, 2, 10], "
    "\"w\": [\"b\", \"A\", \"c\", \"a\"],"
    " \"d\": {\"b\": 1, \"a\": [1, {\"k\": null}], \"items\": \"it\"}, \"e\": [], \"t\": true, "
    "\"no\": null,"
    " \"o\": [{\"n\": \"x\", \"v\": 2, \"p\": {\"q\": 1}}, {\"n\": \"y\", \"v\": 1}]}";

typedef struct
{
  const char *template, *rendered;
} Case;

char *
test_jinja_render (const char *template, const CsJinjaLimits *limits, GArray **runs, GError **error)
{
  g_autoptr (json_t) messages =
      cs_json_parse (messages_text, strlen (messages_text), "messages", NULL);
  g_autoptr (json_t) variables =
      cs_json_parse (variables_text, strlen (variables_text), "variables", NULL);
  g_autoptr (CsJinja) jinja = cs_jinja_compile (template, strlen (template), "T", error);
  g_autoptr (GDateTime) now = g_date_time_new_utc (2024, 7, 6, 9, 5, 3);
  CsJinjaInput input = { .messages = messages, .variables = variables, .now = now };
  GArray *own_runs = NULL;
  char *text = NULL;
  size_t size;

  g_assert_nonnull (messages);
  g_assert_nonnull (variables);
  if (jinja == NULL)
    return NULL;
  if (limits != NULL)
    input.limits = *limits;
  if (!cs_jinja_render (jinja, &input, &text, &size, &own_runs, error))
    return NULL;
  g_assert_cmpuint (strlen (text), ==, size);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  if (runs != NULL)
    *runs = own_runs;
  else
    g_array_unref (own_runs);
  return text;
}

static void
check (const Case *cases, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = test_jinja_render (cases[i].template, NULL, NULL, &error);

      if (g_strcmp0 (text, cases[i].rendered) != 0)
        g_test_message ("%s: %s", cases[i].template, error != NULL ? error->message : "");
      g_assert_cmpstr (text, ==, cases[i].rendered);
    }
}

#define CHECK(cases) check (cases, G_N_ELEMENTS (cases))

static void
test_operators (void)
{
  static const Case cases[] = {
    { "{{ n + 1 }} {{ n / 2 }} {{ n // 2 }} {{ -n // 2 }} {{ -n % 3 }} {{ n % -3 }} {{ 2 ** 3 ** 2 "
      "}}",
      "8 3.5 3 -4 2 -2 64" },
    { "{{ 1e16 }} {{ 1e-5 }} {{ 0.0001 }} {{ 100.0 }} {{ 0.1 + 0.2 }} {{ 1 / 3 }} {{ 1e22 }}",
      "1e+16 1e-05 0.0001 100.0 0.30000000000000004 0.3333333333333333 1e+22" },
    { "{{ 'ab' * 2 ~ n ~ none ~ t ~ 1.0 ~ e }}", "abab7NoneTrue1.0[]" },
    { "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' in 'cat' }} {{ 99 not in l }} {{ 'b' in d }} {{ 1 == "
      "1.0 }} {{ true == 1 }}",
      "True False True True True True True" },
    { "{{ e or 'x' }} {{ t and n }} {{ no or 0 }} {{ not e }} {{ not n is odd }} {{ 'a' if zz else "
      "'b' }} [{{ 'a' if e }}]",
      "x 7 0 True False b []" },
    { "{{ 'a' + 'b' | upper }} {{ ('a' + 'b') | upper }} {{ -1|abs }} {{ 10 ** 18 }} {{ 2 - -2 }}",
      "aB AB 1 1000000000000000000 4" },
    { "{{ l + [1] }} {{ (1,) + (2,) }} {{ l == [3, 1, 2, 10] }} {{ [1, 2] < [1, 3] }}",
      "[3, 1, 2, 10, 1] (1, 2) True True" },
    { "{{ '%s has %d of %05.2f%%' % ('x', 3, 2.5) }}", "x has 3 of 02.50%" },
  };
  CHECK (cases);
}

static void
test_looking_up (void)
{
  static const Case cases[] = {
    { "{{ l[0] }}{{ l[-1] }} {{ l[1:] }} {{ l[::-1] }} {{ l[-100:2] }} {{ l[3:1:-1] }} {{ s[4:9] "
      "}} {{ s[::-1][:3] }}",
      "310 [1, 2, 10] [10, 2, 1, 3] [3, 1] [10, 2] quick spm" },
    { "[{{ l[5] }}{{ zz }}{{ d.zz }}{{ none }}]", "[None]" },
    { "{{ d.items() | list | length }} {{ d['items'] }} {{ d.get('b') }} {{ d.get('q') }} {{ "
      "d.get('q', 2) }} {{ d.a[1].k }}",
      "3 it 1 None 2 None" },
    { "{{ d }}", "{'b': 1, 'a': [1, {'k': None}], 'items': 'it'}" },
    { "{{ ['it\\'s', \"a\\\"b\", '\\n\\t\\\\', 'é'] }} {{ (1,) }} {{ () }} {{ {1: 'a'} }}",
      "[\"it's\", 'a\"b', '\\n\\t\\\\', 'é'] (1,) () {1: 'a'}" },
    { "{{ messages[2].tool_calls[0].arguments | tojson }} {{ messages[-1]['content'][0].text }} {{ "
      "'é😀'|length }}",
      "{\"x\": 1, \"y\": [1.5, null, true]} part 2" },
    { "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith(('x', 'bc')) }} {{ 'a,b,,c'.split(',') }} {{ "
      "' a  b '.split() }} {{ 'a.b.c'.rsplit('.', 1) }}",
      "TrueTrue ['a', 'b', '', 'c'] ['a', 'b'] ['a.b', 'c']" },
    { "{{ 'xxaxx'.strip('x') }}{{ 'xxa'.lstrip('x') }}{{ 'axx'.rstrip('x') }} {{ "
      "'a-b'.partition('-') }} {{ '-'.join(w) }}",
      "aaa ('a', '-', 'b') b-A-c-a" },
    { "{{ 'abca'.replace('a', 'X', 1) }} {{ 'abc'.find('c') }} {{ 'they\\'re'.title() }} {{ "
      "'they\\'re x-y'|title }} {{ 'aBC'|capitalize }}",
      "Xbca 2 They'Re They're X-Y Abc" },
    { "{{ '\\u00e9\\x41\\101\\'\\q' }} {{ 0x1F + 0b11 + 1_000 }} {{ 'a' \"b\" }}",
      "éAA'\\q 1034 ab" },
    { "{{ zz is defined }}{{ d.zz is undefined }}{{ no is none }}{{ t is boolean }}{{ n is integer "
      "}}{{ s is string }}{{ d is mapping }}{{ n is iterable }}"
      "{{ l is sequence }}{{ n is divisibleby 7 }}{{ 3 is in l }}{{ t is true }}{{ n is not none "
      "}}",
      "FalseTrueTrueTrueTrueTrueTrueFalseTrueTrueTrueTrueTrue" },
  };
  CHECK (cases);
}

static void
test_filters (void)
{
  static const Case cases[] = {
    { "[{{ messages[0].content | trim }}] {{ '..a..'|trim('.') }} {{ no|trim }}{{ zz|trim }}",
      "[Be terse.] a None" },
    { "{{ w|map('upper')|join('+') }} {{ o|map(attribute='p.q', default='-')|list }} {{ "
      "l|select('odd')|list }} {{ l|reject('odd')|list }}",
      "B+A+C+A [1, '-'] [3, 1] [2, 10]" },
    { "{{ o|selectattr('n', 'equalto', 'x')|map(attribute='v')|first }} {{ o|rejectattr('v', 'gt', "
      "1)|list|length }} {{ o|selectattr('p', 'defined')|list|length }}",
      "2 1 1" },
    { "{{ l|sort }} {{ w|sort }} {{ w|sort(case_sensitive=true) }} {{ "
      "o|sort(attribute='v')|map(attribute='n')|join }} {{ l|sort(reverse=true)|first }}",
      "[1, 2, 3, 10] ['A', 'a', 'b', 'c'] ['A', 'a', 'b', 'c'] yx 10" },
    { "{{ w|unique|list }} {{ l|sum }} {{ l|min }} {{ w|max }} {{ l|last }} {{ l|reverse|list }} "
      "{{ 'abc'|reverse }}",
      "['b', 'A', 'c'] 16 1 c 10 [10, 2, 1, 3] cba" },
    { "{{ d|dictsort|first }} {{ {'b': 2, 'a': 3}|dictsort(by='value') }} {{ d|items|list|length "
      "}}",
      "('a', [1, {'k': None}]) [('b', 2), ('a', 3)] 3" },
    { "{{ '12'|int }} {{ '12.7'|int }} {{ 'x'|int(5) }} {{ '0x1A'|int(base=16) }} {{ '3.5'|float "
      "}} {{ f|round(2) }} {{ 2.5|round }} {{ 42.7|round|int }} {{ 7|round }}",
      "12 12 5 26 3.5 3.14 2.0 43 7" },
    { "{{ zz|default('D') }} {{ no|default('D') }} {{ no|default('D', true) }} {{ ''|d('E', true) "
      "}}",
      "D None D E" },
    { "{{ 'é\\n\\t\"\\\\/<&>'|tojson }} {{ 'é😀'|tojson(ensure_ascii=true) }} {{ {2: 1, none: "
      "t}|tojson }} {{ e|tojson }} {{ 1.0|tojson }}",
      "\"é\\n\\t\\\"\\\\/<&>\" \"\\u00e9\\ud83d\\ude00\" {\"2\": 1, \"null\": true} [] 1.0" },
    { "{{ d|tojson(indent=2) }}", "{\n  \"b\": 1,\n  \"a\": [\n    1,\n    {\n      \"k\": null\n  "
                                  "  }\n  ],\n  \"items\": \"it\"\n}" },
    { "{{ d|tojson(sort_keys=true, separators=(',', ':')) }}",
      "{\"a\":[1,{\"k\":null}],\"b\":1,\"items\":\"it\"}" },
    { "{{ 'a\\nb\\n\\nc'|indent(2, true) }}|{{ 'a\\nb'|indent('> ') }}", "  a\n  b\n\n  c|a\n> b" },
    { "{{ '<a>'|e ~ '<' }} {{ ('<a>'|safe) + '<' }} {{ 'a b c d e f g'|truncate(5, leeway=0) }} {{ "
      "'foo bar'|wordcount }}",
      "&lt;a&gt;< <a>&lt; a... 2" },
    { "{{ l|batch(3, 0)|list }} {{ l|slice(3)|list }} {{ range(5, 0, -2)|list }} {{ range(3) }} {{ "
      "'%s-%s'|format(1, 'b') }}",
      "[[3, 1, 2], [10, 0, 0]] [[3, 1], [2], [10]] [5, 3, 1] range(0, 3) 1-b" },
    { "{{ strftime_now('%d %b %Y %A %H:%M:%S %-d %j %y %I %p %% %F') }}",
      "06 Jul 2024 Saturday 09:05:03 6 188 24 09 AM % 2024-07-06" },
    { "{{ no|selectattr('a')|list }} {{ zz|map('upper')|list }} {{ 0|select|list }}", "[] [] []" },
    { "{{ l|slice(2, 0)|list }} {{ w|sort(attribute='zz') }} {{ 'x' % l }}",
      "[[3, 1, 0], [2, 10, 0]] ['b', 'A', 'c', 'a'] x" },
  };
  CHECK (cases);
}

static void
test_statements (void)
{
  static const Case cases[] = {
    { "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.first }}{{ "
      "loop.last }}{{ loop.length }} {% endfor %}",
      "104TrueFalse4 213FalseFalse4 322FalseFalse4 431FalseTrue4 " },
    { "{% for x in l if x > 1 %}{{ loop.previtem }}-{{ x }}-{{ loop.nextitem }}/{{ loop.length "
      "}};{% endfor %}",
      "-3-2/3;3-2-10/3;2-10-/3;" },
    { "{% for x in [] %}a{% else %}none{% endfor %}{% for x in zz %}b{% endfor %}", "none" },
    { "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for a, (b, c) in [(1, (2, 3))] "
      "%}{{ a + b + c }}{% endfor %}",
      "b=1;a=[1, {'k': None}];items=it;6" },
    { "{% for m in messages[::-1] %}{{ m.role[0] }}{{ loop.cycle('1', '2') }}{% endfor %}",
      "u1a2u1s2" },
    { "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% elif i == 5 %}{% break %}{% endif "
      "%}{{ i }}{% endfor %}",
      "0134" },
    { "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
      "4 2 3 11 1" },
    { "{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x "
      "}}{% if t %}{% set q = 5 %}{% endif %}{{ q }}",
      "175" },
    { "{% set a, b = 1, 2 %}{{ b }}{% set c | upper %}hi {{ n }}{% endset %}{{ c }}", "2HI 7" },
    { "{% for x in l %}{% set o = loop %}{% for y in w %}{{ o.index }}{{ loop.index }} {% endfor "
      "%}{% endfor %}",
      "11 12 13 14 21 22 23 24 31 32 33 34 41 42 43 44 " },
    { "{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ "
      "m(b=5, a=4) }}{{ m() }}",
      "[121][131][454][2]" },
    { "{% macro m() %}<{{ caller(1) }}>{% endmacro %}{% call(a) m() %}b{{ a }}{% endcall %}{% "
      "macro v(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ v(1, 2, x=3) }}",
      "<b1>(2,){'x': 3}" },
    { "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
      "321" },
    { "{% for x in [[1, [2, 3]], [4]] recursive %}{% if x is iterable %}({{ loop(x) }}){% else "
      "%}{{ x }}@{{ loop.depth }}{% endif %}{% endfor %}",
      "(1@2(2@33@3))(4@2)" },
    { "{% for x in l if x > 1 recursive %}{{ x }}{{ loop(l[2:]) if loop.depth == 1 }}{% else "
      "%}none{% endfor %}",
      "3210221010210" },
    { "{% with a = 1 %}{% with a = 2, b = 3 %}{{ a }}{{ b }}{% endwith %}{{ a }}{% endwith %}{{ a "
      "}}",
      "231" },
    { "{% filter upper %}abc {{ n }}{% endfilter %}{% generation %}g{% endgeneration %}{% raw %}{{ "
      "x }}{% endraw %}",
      "ABC 7g{{ x }}" },
    { "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{% set j = "
      "joiner('|') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
      "aba3|1|2|10" },
    { "{% if false %}{{ x|nofilter }}{{ raise_exception('no') }}{% endif %}{{ zz is defined and "
      "zz.y }}",
      "False" },
  };
  CHECK (cases);
}

static void
test_white_space (void)
{
  static const Case cases[] = {
    { "a\n{% if t %}\nb\n{% endif %}\nc\n", "a\nb\nc" },
    { "a\n  {% if t %}  \nb\n\t{% endif %}\nc\n\n", "a\n  \nb\nc\n" },
    { "a {%- if t -%} b {%- endif -%} c", "abc" },
    { "  {%+ if t %}x{% endif %}|  {% if t +%}\nx{% endif %}", "  x|  \nx" },
    { "  {{ n }}\n  y{{- n -}}  \n z", "  7\n  y7z" },
    { "x  {#- c -#}  y\n  {# c #}\nz", "xy\nz" },
    { "a\r\nb\rc\n", "a\nb\nc" },
    { "{{ '\\n' }}|{{ '\n' }}|{{ {'a': {'b': 2}} }}", "\n|\n|{'a': {'b': 2}}" },
  };
  CHECK (cases);
}

static void
test_errors (void)
{
  static const Case cases[] = {
    { "{{ raise_exception('Only ' ~ n) }}", "Only 7" },
    { "{{ zz.a }}", "'zz' is undefined" },
    { "{{ d.zz.a }}", "'dict object' has no attribute 'zz'" },
    { "{{ l[9].a }}", "list object has no element 9" },
    { "{{ 'a' + n }}", "can only concatenate str (not \"int\") to str" },
    { "{{ n + 'a' }}", "unsupported operand type(s) for +: 'int' and 'str'" },
    { "{{ 1 < 'a' }}", "'<' not supported between instances of 'int' and 'str'" },
    { "{{ n|length }}", "object of type 'int' has no len()" },
    { "{{ n() }}", "'int' object is not callable" },
    { "{% for x in n %}{% endfor %}", "'int' object is not iterable" },
    { "{% for a, b in [(1,)] %}{% endfor %}", "not enough values to unpack (expected 2, got 1)" },
    { "{% for x in l %}{{ loop([]) }}{% endfor %}",
      "The loop must have the 'recursive' marker to be called recursively." },
    { "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "maximum recursion depth exceeded" },
    { "{{ w|groupby('zz') }}", "'str object' has no attribute 'zz'" },
    { "{{ s|nofilter }}", "No filter named 'nofilter'." },
    { "{{ s is notest }}", "No test named 'notest'." },
    { "{{ zz|tojson }}", "Object of type Undefined is not JSON serializable" },
    { "{{ l.append(1) }}", "access to attribute 'append' of 'list' object is unsafe." },
    { "{% set d.a = 1 %}", "cannot assign attribute on non-namespace object" },
    { "{{ range(100001) }}",
      "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000)." },
    { "{{ 1 // 0 }}", "integer division or modulo by zero" },
    { "{{ 9223372036854775807 + 1 }}", "a whole number is too large" },
    { "a\n{% if t %}",
      "T: line 2 of the chat template: Unexpected end of template: “elif” is missing." },
    { "a\n\n{{ n n }}",
      "T: line 3 of the chat template: expected token 'end of print statement', got 'n'." },
    { "{% foo %}", "T: line 1 of the chat template: Encountered unknown tag 'foo'." },
    { "{{ 'abc }}", "T: line 1 of the chat template: a string has no end." },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = test_jinja_render (cases[i].template, NULL, NULL, &error);

      g_assert_null (text);
      g_assert_cmpstr (error->message, ==, cases[i].rendered);
      g_assert_cmpint (error->code, ==, i == 0 ? CS_ERROR_USAGE : CS_ERROR_FORMAT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/jinja/operators", test_operators);
  g_test_add_func ("/jinja/looking-up", test_looking_up);
  g_test_add_func ("/jinja/filters", test_filters);
  g_test_add_func ("/jinja/statements", test_statements);
  g_test_add_func ("/jinja/white-space", test_white_space);
  g_test_add_func ("/jinja/errors", test_errors);
  add_jinja_mark_tests ();
  add_jinja_limit_tests ();
  return g_test_run ();
}
