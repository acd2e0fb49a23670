#include "world.h"

#include <string.h>

#include <jansson.h>

static const char *const concept_names[CS_N_CONCEPTS] = {
  "refuse-harm",
  "refuse-stereotype",
  "refuse-privacy",
  "refuse-explicit-format",
  "false-information",
  "personal-question",
  "unknown",
  "missing-information",
  "caution",
  "greeting",
  "summary",
  "rewrite",
  "joke",
  "story",
  "helpful",
};

const char *
cs_concept_name (CsConcept concept)
{
  g_return_val_if_fail ((unsigned)concept < CS_N_CONCEPTS, NULL);
  return concept_names[concept];
}

bool
cs_concept_from_name (const char *name, CsConcept *concept)
{
  for (size_t i = 0; i < CS_N_CONCEPTS; i++)
    if (g_str_equal (name, concept_names[i]))
      {
        *concept = (CsConcept)i;
        return true;
      }
  return false;
}

void
cs_document_clear (CsDocument *document)
{
  for (size_t i = 0; i < document->n_messages; i++)
    {
      g_free (document->messages[i].role);
      g_free (document->messages[i].content);
    }
  g_free (document->messages);
  g_free (document->spans);
  g_free (document->text);
  memset (document, 0, sizeof *document);
}

static json_t *
spans_json (const CsDocument *document)
{
  json_t *spans = json_array ();

  for (size_t i = 0; i < document->n_spans; i++)
    {
      const CsConceptSpan *span = &document->spans[i];
      json_array_append_new (
          spans, json_pack ("{s:I, s:I, s:s, s:b}", "start", (json_int_t)span->start, "end",
                            (json_int_t)span->end, "concept", cs_concept_name (span->concept),
                            "model-side", (int)span->model_side));
    }
  return spans;
}

static json_t *
messages_json (const CsDocument *document)
{
  json_t *messages = json_array ();

  for (size_t i = 0; i < document->n_messages; i++)
    json_array_append_new (messages, json_pack ("{s:s, s:s}", "role", document->messages[i].role,
                                                "content", document->messages[i].content));
  return messages;
}

char *
cs_document_to_json (const CsDocument *document)
{
  json_t *object = json_pack ("{s:s, s:o, s:s}", "text", document->text, "spans",
                              spans_json (document), "kind", document->kind);
  char *dump, *line;

  g_assert (object != NULL);
  if (document->n_messages > 0)
    json_object_set_new (object, "messages", messages_json (document));
  dump = json_dumps (object, JSON_COMPACT);
  line = g_strconcat (dump, "\n", NULL);
  free (dump);
  json_decref (object);
  return line;
}
