/* Any bytes as a chat template: refused with a sentence, or rendered within its limits to text
 * whose marks cover it. */
#include <string.h>

#include "json.h"
#include "jinja.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const char messages_text[] =
    "[{\"role\": \"system\", \"content\": \"Be \\u00fc.\\n\"}, {\"role\": \"user\", \"content\": "
    "\" a <b> c\"},"
    " {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"name\": \"f\", "
    "\"arguments\": {\"x\": [1.5, null, true]}}]}]";
static const char variables_text[] = "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", "
                                     "\"add_generation_prompt\": true, \"tools\": null, \"n\": 7}";

static void
check_runs (const char *text, size_t size, const GArray *runs)
{
  size_t from = 0;

  g_assert_true (g_utf8_validate (text, (gssize)size, NULL) || memchr (text, 0, size) != NULL);
  for (guint i = 0; i < runs->len; i++)
    {
      const CsJinjaRun *run = &g_array_index (runs, CsJinjaRun, i);
      g_assert_true (run->end > from && run->message >= -1 && run->message < 3 &&
                     run->field <= CS_JINJA_ROLE);
      from = run->end;
    }
  g_assert_cmpuint (from, ==, size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsJinja) jinja = cs_jinja_compile ((const char *)data, size, "input", &error);
  g_autoptr (json_t) messages =
      cs_json_parse (messages_text, sizeof messages_text - 1, "messages", NULL);
  g_autoptr (json_t) variables =
      cs_json_parse (variables_text, sizeof variables_text - 1, "variables", NULL);
  const CsJinjaInput input = { .messages = messages,
                               .variables = variables,
                               .limits = {
                                   .max_steps = 20000, .max_bytes = 4 << 20, .max_seconds = 1 } };
  g_autoptr (GArray) runs = NULL;
  g_autofree char *text = NULL;

  g_assert_true ((jinja == NULL) == (error != NULL));
  if (jinja == NULL)
    return 0;
  if (cs_jinja_render (jinja, &input, &text, &size, &runs, &error))
    check_runs (text, size, runs);
  else
    g_assert_nonnull (error);
  return 0;
}
