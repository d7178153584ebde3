<?php
declare( strict_types=1 );

namespace Indelible;

/** Puts the parts together: what is hooked, and what happens when a request ends. */
final class Plugin {
	private static bool $started = false;

	public static function start(): void {
		if ( self::$started ) {
			return; // It is there as a plugin and as a must-use plugin.
		}
		self::$started = true;
		Coverage::start();
		Guard::start();
		FailClosed::start();
		Stream::start();
		Cron::start();
		Revert\Endpoint::start();
		Command::start();
		Admin\Menu::start();
		Hooks::show( 'init', array( self::class, 'translate' ) );
		// First at `shutdown`, so that all is kept before the answer leaves; WordPress sends its buffers at 1.
		Hooks::add( 'shutdown', array( self::class, 'keep' ), PHP_INT_MIN );
		// PHP's own list, which no plugin can take anything from. It runs after the hook, and also after fatal errors.
		register_shutdown_function( array( self::class, 'end' ) );
	}

	/** Translations come with the plugin, wherever it lies. */
	public static function translate(): void {
		$file = __DIR__ . '/languages/indelible-' . determine_locale() . '.mo';
		is_readable( $file ) && load_textdomain( 'indelible', $file );
	}

	/** Writes what this request did into the outbox. */
	public static function keep(): void {
		self::never_fail( static fn () => Ledger::settle() );
	}

	/** What other plugins did while shutting down is kept too, then everything is sent. */
	public static function end(): void {
		self::never_fail(
			static function (): void {
				Guard::watch_hooks();
				Ledger::settle();
				Opened::end();
				Shipper::after_request();
			}
		);
	}

	/** The user's request goes on, whatever happens here; the error log has why. */
	public static function never_fail( callable $work ): mixed {
		try {
			return $work();
		} catch ( \Throwable $error ) {
			error_log( 'Indelible: ' . $error::class . ': ' . $error->getMessage() . ' at ' . $error->getFile() . ':' . $error->getLine() );
			return null;
		}
	}
}
