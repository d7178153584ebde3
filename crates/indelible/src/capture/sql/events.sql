DROP EVENT TRIGGER IF EXISTS indelible_capture_definition;
CREATE EVENT TRIGGER indelible_capture_definition ON ddl_command_end EXECUTE FUNCTION indelible_capture.tell_definition();
DROP EVENT TRIGGER IF EXISTS indelible_capture_drop;
CREATE EVENT TRIGGER indelible_capture_drop ON sql_drop EXECUTE FUNCTION indelible_capture.tell_drop();
