#include "app-settings.h"

#include "crosscope-config.h"

GSettings *
cs_app_settings_new (const char *key)
{
  GSettingsSchemaSource *source = g_settings_schema_source_get_default ();
  g_autoptr (GSettingsSchema) schema =
      source != NULL ? g_settings_schema_source_lookup (source, CS_APPLICATION_ID, TRUE) : NULL;

  return schema != NULL && g_settings_schema_has_key (schema, key)
             ? g_settings_new_full (schema, NULL, NULL)
             : NULL;
}
