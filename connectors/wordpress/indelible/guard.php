<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * Ways around the log leave a trace in it. Code inside WordPress can do whatever WordPress can; what it did before is
 * out of its reach, and that it went around is told.
 */
final class Guard {
	/** What is told once a request. */
	private static array $told = array();

	public static function start(): void {
		Hooks::add( 'init', array( self::class, 'replace_resets' ), 20 );
		Hooks::add( 'init', array( self::class, 'watch_logger' ), PHP_INT_MAX );
		// Records that others keep from being recorded: after all who have a say.
		Hooks::peek( 'wp_stream_is_record_excluded', fn ( $excluded, $record = array() ) => $excluded && self::excluded( (array) $record, 'an exclude rule or the filter wp_stream_is_record_excluded' ), PHP_INT_MAX );
		Hooks::peek( 'wp_stream_record_array', fn ( $record ) => empty( $record ) && self::trace( 'record-emptied', 'The filter wp_stream_record_array emptied a record of Stream' ), PHP_INT_MAX );
		Hooks::peek( 'wp_stream_log_data', fn ( $data ) => false === $data && self::trace( 'record-stopped', 'The filter wp_stream_log_data stopped a record of Stream' ), PHP_INT_MAX );
		// Stream deletes by age, size and wish; nothing of that reaches this log, and its own tables stay as they are.
		foreach ( array( 'wp_stream_enable_auto_purge', 'wp_stream_use_action_scheduler' ) as $filter ) {
			Hooks::filter( $filter, '__return_false' );
		}
		foreach ( array( 'option_wp_stream', 'site_option_wp_stream_network', 'default_site_option_wp_stream_network' ) as $filter ) {
			Hooks::filter( $filter, array( self::class, 'keep_records' ) );
		}
		Hooks::filter( 'add_record_metadata', '__return_false' );
		Hooks::filter( 'update_record_metadata', '__return_false' );
		Hooks::filter( 'delete_record_metadata', '__return_false' );
		Hooks::add( 'wp_abilities_api_init', array( self::class, 'unregister_purging' ), PHP_INT_MAX );
	}

	/** What an entry says about the conditions under which it came to be. */
	public static function circumstances(): array {
		$importing = defined( 'WP_IMPORTING' ) && WP_IMPORTING ? array( 'importing' => true ) : array();
		$password  = function_exists( 'rest_get_authenticated_app_password' ) ? rest_get_authenticated_app_password() : null;
		return $importing + ( is_string( $password ) ? array( 'application' => $password ) : array() );
	}

	/** At the end of a request: hooks that were taken from us, and the switch that silences Stream. */
	public static function watch_hooks(): void {
		$removed = Hooks::removed();
		if ( $removed ) {
			self::trace( 'hooks-removed', 'Other code took away hooks by which changes are seen', array( 'hooks' => $removed ) );
		}
		if ( defined( 'WP_IMPORTING' ) && WP_IMPORTING ) {
			self::trace( 'importing', 'WP_IMPORTING was set, under which Stream records nothing; what was changed is told all the same' );
		}
	}

	/** Stream's logger can be replaced by one that does nothing. */
	public static function watch_logger(): void {
		$stream = function_exists( 'wp_stream_get_instance' ) ? wp_stream_get_instance() : null;
		$logger = is_object( $stream ) ? ( $stream->log ?? null ) : null;
		if ( is_object( $logger ) && 'WP_Stream\Log' !== $logger::class ) {
			self::trace( 'logger-replaced', 'The logger of Stream was replaced', array( 'class' => $logger::class ) );
		}
	}

	private static function excluded( array $record, string $by ): void {
		$told = array_intersect_key( $record, array_flip( array( 'connector', 'context', 'action', 'object_id', 'user_id', 'summary' ) ) );
		self::trace( 'record-excluded:' . Value::json( $told ), "A record of Stream was kept out by $by", array( 'record' => Value::plain( $told ) ) );
	}

	/** Emptying Stream's tables is one link with a nonce. It does nothing here but say who wanted it. */
	public static function replace_resets(): void {
		foreach ( array( 'wp_stream_reset', 'wp_stream_clean_orphan_meta' ) as $action ) {
			if ( has_action( "wp_ajax_$action" ) ) {
				remove_all_actions( "wp_ajax_$action" );
				add_action(
					"wp_ajax_$action",
					static function () use ( $action ): void {
						self::trace( $action, 'An attempt to delete the records of Stream was stopped' );
						wp_die( esc_html__( 'Records are kept by Indelible and cannot be deleted here.', 'indelible' ), '', array( 'response' => 403 ) );
					}
				);
			}
		}
	}

	public static function keep_records( mixed $options ): mixed {
		if ( ! is_array( $options ) ) {
			return $options;
		}
		return array( 'general_keep_records_indefinitely' => 1, 'advanced_enable_abilities_api' => 0 ) + $options;
	}

	public static function unregister_purging(): void {
		foreach ( array( 'stream/purge-records', 'stream/get-record' ) as $ability ) {
			function_exists( 'wp_unregister_ability' ) && wp_unregister_ability( $ability );
		}
	}

	/** An entry that says how something went around the log. */
	public static function trace( string $which, string $summary, array $data = array() ): void {
		if ( isset( self::$told[ $which ] ) ) {
			return;
		}
		self::$told[ $which ] = true;
		$which                = explode( ':', $which )[0];
		Ledger::event( new Change( 'indelible.bypass', 'bypass', $which, $which, summary: $summary, failed: true, data: $data ) );
	}
}
