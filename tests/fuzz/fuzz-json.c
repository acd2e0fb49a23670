/* Any bytes as JSON: parsed, looked into with every typed look-up, and what was accepted can be
 * written. */
#include <stdlib.h>

#include "json.h"
#include "sentence.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
look_up_everything (json_t *object)
{
  size_t number;
  double real;
  bool flag;
  const char *text, *key;
  json_t *value;

  json_object_foreach (object, key, value)
    {
      if (cs_json_get_size (object, "input", key, 1, 4096, 7, &number, NULL))
        g_assert (number >= 1 && number <= 4096);
      cs_json_get_double (object, "input", key, 0, &real, NULL);
      cs_json_get_bool (object, "input", key, false, &flag, NULL);
      if (cs_json_get_string (object, "input", key, NULL, &text, NULL))
        g_assert (text == NULL || g_utf8_validate (text, -1, NULL));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) value = cs_json_parse ((const char *) data, size, "input", &error);

  g_assert ((value == NULL) == (error != NULL));
  if (value != NULL)
    {
      char *text = json_dumps (value, JSON_ENCODE_ANY);

      look_up_everything (value);
      g_assert (text != NULL);
      free (text);
    }
  else
    sentence_check (error);
  return 0;
}
