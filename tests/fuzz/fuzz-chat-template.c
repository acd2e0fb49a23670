/* Any bytes as tokenizer_config.json, as chat_template.json and as special_tokens_map.json of a
 * folder: refused with a sentence, or a template that compiled. */
#include "chat.h"
#include "fuzz-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_open (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsChatTemplate) chat = cs_chat_template_open (fuzz_folder_get (), &error);

  g_assert ((chat == NULL) == (error != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char good[] = "{\"chat_template\": \"{{ bos_token }}{{ messages[0]['content'] }}\"}";
  static const char *const names[] = { "tokenizer_config.json", "chat_template.json",
                                       "special_tokens_map.json" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = NULL, *other = NULL;

      if (i == 2)
        other = fuzz_write (names[0], good, sizeof good - 1);
      path = fuzz_write (names[i], data, size);
      try_open ();
      g_unlink (path);
      if (other != NULL)
        g_unlink (other);
    }
  return 0;
}
