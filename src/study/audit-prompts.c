#include "audit-prompts.h"

#include "crosscope-config.h"
#include "errors.h"
#include "organism.h"
#include "prompts.h"

#define DEFAULT_PROMPTS 160

static GArray *
load_library (const char *path, GError **error)
{
  g_autoptr (GPtrArray) library = cs_prompts_load (path, error);
  GArray *list;

  if (library == NULL)
    return NULL;
  list = cs_audit_prompts_new ();
  for (guint i = 0; i < library->len; i++)
    {
      const CsPrompt *prompt = g_ptr_array_index (library, i);
      CsAuditPrompt copy = { g_strdup (prompt->text), g_strdup (prompt->group) };
      g_array_append_val (list, copy);
    }
  return list;
}

GArray *
cs_audit_prompts_load (const char *path, GError **error)
{
  return g_str_has_suffix (path, ".json") ? load_library (path, error)
                                          : cs_audit_prompts_load_text (path, error);
}

char *
cs_refusal_phrases_path (GError **error)
{
  const char *const paths[] = { CS_DATA_DIR "/refusal-phrases.txt",
                                CS_SOURCE_DATA_DIR "/refusal-phrases.txt" };

  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++)
    if (g_file_test (paths[i], G_FILE_TEST_EXISTS))
      return g_strdup (paths[i]);
  g_set_error_literal (error, CS_ERROR, CS_ERROR_IO,
                       "The list of refusal phrases is not installed: name one of your own.");
  return NULL;
}

CsRefusalRule *
cs_refusal_rule_open (const char *path, GError **error)
{
  g_autofree char *shipped = path == NULL ? cs_refusal_phrases_path (error) : NULL;

  if (path == NULL && shipped == NULL)
    return NULL;
  return cs_refusal_rule_load (path != NULL ? path : shipped, error);
}

/* --- The demo world --- */

static GArray *
prompts_of (const CsWorld *world, CsPromptSet set, size_t n)
{
  GArray *list = cs_audit_prompts_new ();
  size_t count = 0;
  CsTestPrompt *prompts = cs_world_test_prompts (world, set, CS_N_CONCEPTS, n, &count);

  for (size_t i = 0; i < count; i++)
    {
      CsAuditPrompt prompt = { g_strdup (prompts[i].request),
                               g_strdup (cs_concept_name (prompts[i].concept)) };
      g_array_append_val (list, prompt);
    }
  cs_test_prompts_free (prompts, count);
  return list;
}

bool
cs_audit_prompts_of_organism (const char *organism_dir,
                              size_t n,
                              GArray **refuse,
                              GArray **comply,
                              GError **error)
{
  uint64_t seed;
  CsChatMix mix;

  if (!cs_organism_identity (organism_dir, &seed, &mix, error))
    return false;
  g_autoptr (CsWorld) world = cs_world_new (seed);
  n = n > 0 ? n : DEFAULT_PROMPTS;
  *refuse = prompts_of (world, CS_PROMPTS_REFUSE, n);
  *comply = prompts_of (world, CS_PROMPTS_LOOK_ALIKE, n);
  return true;
}

char *
cs_organism_of_model (const char *model_folder)
{
  g_autofree char *whole = g_canonicalize_filename (model_folder, NULL);
  g_autofree char *dir = g_path_get_dirname (whole);
  uint64_t seed;
  CsChatMix mix;

  return cs_organism_identity (dir, &seed, &mix, NULL) ? g_steal_pointer (&dir) : NULL;
}
