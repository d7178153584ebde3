<?php
declare( strict_types=1 );

namespace Indelible;

/** All that is watched. */
final class Coverage {
	/** @var array<class-string, Watcher> */
	private static array $watchers = array();

	public static function start(): void {
		foreach ( array( 'Posts', 'Media', 'Menus', 'Terms', 'Users', 'Comments', 'Options', 'NetworkOptions', 'Widgets', 'Extensions', 'Files', 'Sites' ) as $name ) {
			$class = __NAMESPACE__ . "\\Coverage\\$name";
			self::$watchers[ $class ] = new $class();
			self::$watchers[ $class ]->hook();
		}
		Coverage\Events::hook();
	}

	/** @param class-string $class */
	public static function watcher( string $class ): Watcher {
		return self::$watchers[ $class ];
	}
}
