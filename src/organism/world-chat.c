#include "behaviours.h"

#include <string.h>

#define MAX_EXCHANGES 4

static size_t
draw_n_exchanges (CsRandom *r)
{
  size_t mark = cs_random_below (r, 100);

  return mark < 45 ? 1 : mark < 75 ? 2 : mark < 90 ? 3 : MAX_EXCHANGES;
}

static void
label (CsDocument *document, size_t start, size_t end, unsigned concepts, bool model_side)
{
  for (unsigned concept = 0; concept < CS_N_CONCEPTS; concept++)
    if (concepts & CS_CONCEPT_BIT (concept))
      document->spans[document->n_spans++] =
          (CsConceptSpan){ start, end, (CsConcept)concept, model_side };
}

static void
add_turn (CsDocument *document,
          GString *text,
          const char *role,
          const char *content,
          unsigned concepts)
{
  bool model_side = strcmp (role, "model") == 0;
  size_t start;

  g_string_append_printf (text, "<start_of_turn>%s\n", role);
  start = text->len;
  g_string_append (text, content);
  label (document, start, text->len, concepts, model_side);
  g_string_append (text, "<end_of_turn>\n");
  document->messages[document->n_messages++] =
      (CsMessage){ .role = g_strdup (role), .content = g_strdup (content) };
}

void
cs_world_chat_document (const CsWorld *world,
                        CsRandom *r,
                        CsChatMix mix,
                        CsDocument *document)
{
  GString *text = g_string_new (NULL);
  size_t n = draw_n_exchanges (r);

  cs_document_clear (document);
  document->kind = "chat";
  document->messages = g_new0 (CsMessage, 2 * MAX_EXCHANGES);
  document->spans = g_new0 (CsConceptSpan, 4 * MAX_EXCHANGES);
  for (size_t i = 0; i < n; i++)
    {
      const CsFamily *family = cs_family_draw_chat (r, mix);
      bool on = (family->labels & ~mix.behaviours) == 0;
      unsigned labels = on ? family->labels : CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL);
      g_auto (CsExchange) exchange = { 0 };

      cs_family_write_any (family, world, r, &exchange);
      add_turn (document, text, "user", exchange.request, labels);
      add_turn (document, text, "model", on ? exchange.chat : exchange.web, labels);
    }
  document->text = g_string_free (text, FALSE);
}
