/* Templates that would run forever, and marks: where characters came from. */
#include <string.h>
#include <time.h>

#include "errors.h"
#include "test-jinja.h"

/* ---- marks ------------------------------------------------------------- */

/* The text with each run as (letter and message: bytes): t template, c content, r role. */
static char *
with_marks (const char *template)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) runs = NULL;
  g_autofree char *text = test_jinja_render (template, NULL, &runs, &error);
  GString *out = g_string_new (NULL);
  size_t from = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < runs->len; i++)
    {
      const CsJinjaRun *run = &g_array_index (runs, CsJinjaRun, i);
      g_assert_cmpuint (run->end, >, from);
      g_string_append_printf (out, "(%c%d:%.*s)", "tcr"[run->field], run -> message,
                              (int)(run->end - from), text + from);
      from = run->end;
    }
  g_assert_cmpuint (from, ==, strlen (text));
  return g_string_free (out, FALSE);
}

static void
test_marks (void)
{
  static const char *const cases[][2] = {
    { "a{{ messages[0].content }}b", "(t-1:a)(c0: Be terse.\n)(t-1:b)" },
    { "{{ '<' + messages[0].content | trim + '>' }}", "(t0:<)(c0:Be terse.)(t0:>)" },
    { "{% for m in messages[:2] %}<{{ m.role }}>{{ m['content']|trim|upper }}{% endfor %}!",
      "(t0:<)(r0:system)(t0:>)(c0:BE TERSE.)(t1:<)(r1:user)(t1:>)(c1:ÜNÏ <B> 'Q' \"D\")(t-1:!)" },
    { "{{ messages[0].content.split()[1] ~ messages[2].content[::-1] }}", "(c0:terse.)(c2:iH)" },
    { "{{ messages[2].content.replace('H', messages[0].role[0]) }}", "(r0:s)(c2:i)" },
    { "{{ [messages[2].content, 1] }}{{ [messages[2].content]|tojson }}",
      "(t2:[')(c2:Hi)(t2:', 1][\")(c2:Hi)(t2:\"])" },
    { "{{ messages|map(attribute='role')|join(',') }}",
      "(r0:system)(t0:,)(r1:user)(t0:,)(r2:assistant)(t0:,)(r3:user)" },
    { "{% set x %}<{{ messages[2].content }}>{% endset %}{{ x }}", "(t2:<)(c2:Hi)(t2:>)" },
    { "{% macro say(m) %}[{{ m.content }}]{% endmacro %}{% for m in messages[2:3] %}{{ say(m) }}{% "
      "endfor %}",
      "(t2:[)(c2:Hi)(t2:])" },
    { "{% for i in range(2, 3) %}{% set m = messages[i] %}<{{ m.content }}>{% endfor %}.",
      "(t2:<)(c2:Hi)(t2:>)(t-1:.)" },
    { "{% for m in messages if m.role == 'assistant' %}+{{ 'Z' if m.content == 'Hi' }}{% endfor "
      "%}-",
      "(t2:+Z)(t-1:-)" },
    { "{{ messages[3].content[0].text }}{{ messages[2].tool_calls[0].arguments|tojson }}",
      "(c3:part)(t2:{\")(c2:x)(t2:\": 1, \")(c2:y)(t2:\": [1.5, null, true]})" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *got = with_marks (cases[i][0]);
      g_assert_cmpstr (got, ==, cases[i][1]);
    }
}

/* ---- limits ------------------------------------------------------------ */

/* Where another limit is to be met first, on a busy machine under a sanitizer too. */
enum { SLOW_SECONDS = 600 };

static void
refuses (const char *template, const CsJinjaLimits *limits, int code, const char *words)
{
  g_autoptr (GError) error = NULL;
  const CsJinjaLimits patient = { .max_seconds = SLOW_SECONDS };
  const clock_t begin = clock ();
  g_autofree char *text =
      test_jinja_render (template, limits != NULL ? limits : &patient, NULL, &error);

  g_assert_null (text);
  g_assert_error (error, CS_ERROR, code);
  if (strstr (error->message, words) == NULL)
    g_test_message ("%s: %s", template, error->message);
  g_assert_nonnull (strstr (error->message, words));
  g_assert_cmpint (clock () - begin, <, 60 * (gint64)CLOCKS_PER_SEC);
}

static void
test_steps (void)
{
  const CsJinjaLimits few = { .max_steps = 200000, .max_seconds = SLOW_SECONDS };

  refuses ("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", &few,
           CS_ERROR_UNSUPPORTED, "steps");
  refuses ("{{ 'x' * 100000000 }}", &few, CS_ERROR_UNSUPPORTED, "steps");
  refuses ("{{ [1] * 100000000 }}", &few, CS_ERROR_UNSUPPORTED, "steps");
  refuses ("{{ range(100000)|map('string')|join|list|sort|unique|list|length }}", &few,
           CS_ERROR_UNSUPPORTED, "steps");
  refuses ("{{ range(1000000000) }}", &few, CS_ERROR_FORMAT, "Range too big");
  refuses ("{{ l|slice(1000000000)|list }}", &few, CS_ERROR_UNSUPPORTED, "steps");
  refuses ("{{ 'a'.center(1000000000) }}", &few, CS_ERROR_UNSUPPORTED, "steps");
  refuses ("{{ 'a'|indent(1000000000, true) }}", &few, CS_ERROR_UNSUPPORTED, "steps");
}

static void
test_time (void)
{
  const CsJinjaLimits hurried = { .max_steps = UINT64_MAX, .max_seconds = 0.05 };

  refuses ("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
           &hurried, CS_ERROR_UNSUPPORTED, "too long");
}

static void
test_memory (void)
{
  const CsJinjaLimits small = { .max_bytes = 1 << 20, .max_seconds = SLOW_SECONDS };

  refuses ("{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% "
           "endfor %}",
           &small, CS_ERROR_UNSUPPORTED, "memory");
  refuses ("{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% "
           "endfor %}",
           &small, CS_ERROR_UNSUPPORTED, "memory");
  refuses ("{% for i in range(100000) %}{{ i }}, and so on and so on{% endfor %}", &small,
           CS_ERROR_UNSUPPORTED, "memory");
  refuses ("{% set ns = namespace(s='x') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% "
           "endfor %}",
           NULL, CS_ERROR_UNSUPPORTED, "64 MiB");
}

static char *
nested (const char *open, const char *middle, const char *close, size_t n)
{
  GString *out = g_string_new ("{{ ");

  for (size_t i = 0; i < n; i++)
    g_string_append (out, open);
  g_string_append (out, middle);
  for (size_t i = 0; i < n; i++)
    g_string_append (out, close);
  g_string_append (out, " }}");
  return g_string_free (out, FALSE);
}

static void
test_depth (void)
{
  static const char *const kinds[][3] = {
    { "(", "1", ")" }, { "[", "1", "]" },   { "{1:", "1", "}" },  { "not ", "1", "" },
    { "- ", "1", "" }, { "l[", "1", "]" },  { "1 if ", "1", "" }, { "", "l", "|list" },
    { "", "l", ".a" }, { "", "1", " + 1" }, { "", "1", " if 1" }, { "", "1", " is odd" }
  };

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *template = nested (kinds[i][0], kinds[i][1], kinds[i][2], 100000);
      g_autoptr (GError) error = NULL;
      g_autofree char *text = test_jinja_render (template, NULL, NULL, &error);
      g_assert_null (text);
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
    }
  refuses ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", NULL, CS_ERROR_FORMAT, "recursion");
  refuses ("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", NULL, CS_ERROR_FORMAT,
           "recursion");
  refuses ("{% set ns = namespace(a=[]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] %}{% "
           "endfor %}{{ ns.a }}",
           NULL, CS_ERROR_FORMAT, "recursion");
  refuses ("{% set ns = namespace(a=[]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] %}{% "
           "endfor %}{{ ns.a|tojson }}",
           NULL, CS_ERROR_FORMAT, "recursion");
  refuses ("{% set ns = namespace(a=[], b=[]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] "
           "%}{% set ns.b = [ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
           NULL, CS_ERROR_FORMAT, "recursion");
}

/* Every beginning of a template is refused or rendered. */
static void
test_cut (void)
{
  static const char template[] =
      "{%- set ns = namespace(a=[1, 'é\\u00e9']) -%}{% macro m(x, y=2) %}{{ x ~ y|trim }}{% "
      "endmacro %}{% for m in messages[::-1] if m.role "
      "is defined %}{{ '<|' + m['role'] + '|>' }}{% if loop.last and not ns.a is none %}{{ "
      "m.content | tojson(indent=2) }}{% elif "
      "1.5e3 < 2 %}{% raw %}x{% endraw %}{% else %}{# c #}{{ {'a': (1,)}.a[0] }}{% endif %}{% "
      "endfor %}";

  for (size_t n = 0; n < sizeof template; n++)
    {
      g_autofree char *cut = g_strndup (template, n);
      g_autoptr (GError) error = NULL;
      g_autofree char *text = test_jinja_render (cut, NULL, NULL, &error);
      g_assert_true ((text == NULL) == (error != NULL));
    }
}

void
add_jinja_mark_tests (void)
{
  g_test_add_func ("/jinja/marks", test_marks);
}

void
add_jinja_limit_tests (void)
{
  g_test_add_func ("/jinja/limits/steps", test_steps);
  g_test_add_func ("/jinja/limits/time", test_time);
  g_test_add_func ("/jinja/limits/memory", test_memory);
  g_test_add_func ("/jinja/limits/depth", test_depth);
  g_test_add_func ("/jinja/cut", test_cut);
}
