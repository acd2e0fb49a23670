/* Any bytes as causality.json, as baselines.json and as audit.json: refused with a sentence, or written again and
 * shown. */
#include "baselines.h"
#include "causality.h"
#include "fuzz-file.h"
#include "refusal-audit.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_causality (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCausality) causality = cs_causality_load (folder, &error);
  g_autofree char *text = NULL;

  g_assert ((causality == NULL) == (error != NULL));
  if (causality == NULL)
    return;
  text = cs_causality_text (causality);
  g_assert (g_utf8_validate (text, -1, NULL));
  for (size_t i = 0; i < causality->n_arms; i++)
    g_assert (cs_causality_find (causality, causality->arms[i].name) != NULL);
}

static void
try_baselines (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsBaselines) baselines = cs_baselines_load (folder, &error);
  g_autofree char *text = NULL;

  g_assert ((baselines == NULL) == (error != NULL));
  if (baselines == NULL)
    return;
  text = cs_baselines_text (baselines);
  g_assert (g_utf8_validate (text, -1, NULL));
  json_decref (cs_baselines_to_json (baselines));
}

static void
try_audit (const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsRefusalAudit) audit = cs_refusal_audit_load (folder, &error);
  g_autofree char *text = NULL;

  g_assert ((audit == NULL) == (error != NULL));
  if (audit == NULL)
    return;
  text = cs_refusal_audit_text (audit);
  g_assert (g_utf8_validate (text, -1, NULL));
  json_decref (cs_refusal_audit_to_json (audit));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *causality = fuzz_write ("causality.json", data, size);
  g_autofree char *baselines = fuzz_write ("baselines.json", data, size);
  g_autofree char *audit = fuzz_write ("audit.json", data, size);

  try_causality (fuzz_folder_get ());
  try_baselines (fuzz_folder_get ());
  try_audit (fuzz_folder_get ());
  return 0;
}
